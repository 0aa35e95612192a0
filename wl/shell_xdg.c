// SPDX-License-Identifier: MIT
/* A window of xdg-shell's own objects, without a frame of ours. */
#include "protocols-config.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/shell.h"
#include "xdg-shell-client.h"

static void toplevel_configure(void *data, struct xdg_toplevel *toplevel, int32_t width,
                               int32_t height, struct wl_array *states)
{
    struct wayl_shell *shell = data;
    struct wayl_shell_state now = { .kind = WAYL_LAYOUT_FLOATING,
                                    .width = width > 0 ? (uint32_t)width : 0,
                                    .height = height > 0 ? (uint32_t)height : 0 };
    const uint32_t *state = states->data;
    for (size_t i = 0; i < states->size / sizeof(*state); i++) {
        switch (state[i]) {
        case XDG_TOPLEVEL_STATE_FULLSCREEN:
            now.fullscreen = true;
            now.kind = WAYL_LAYOUT_FULLSCREEN;
            break;
        case XDG_TOPLEVEL_STATE_RESIZING:
            now.kind = MAX(now.kind, WAYL_LAYOUT_RESIZING);
            break;
        case XDG_TOPLEVEL_STATE_MAXIMIZED:
            now.maximized = true;
            now.kind = MAX(now.kind, WAYL_LAYOUT_HELD);
            break;
        case XDG_TOPLEVEL_STATE_TILED_LEFT:
        case XDG_TOPLEVEL_STATE_TILED_RIGHT:
        case XDG_TOPLEVEL_STATE_TILED_TOP:
        case XDG_TOPLEVEL_STATE_TILED_BOTTOM:
            now.kind = MAX(now.kind, WAYL_LAYOUT_HELD);
            break;
#if HAVE_XDG_SUSPENDED
        case XDG_TOPLEVEL_STATE_SUSPENDED:
            now.suspended = true;
            break;
#endif
        default:
            break;
        }
    }
    shell->state = now;
}

static void toplevel_close(void *data, struct xdg_toplevel *toplevel)
{
    struct wayl_shell *shell = data;
    shell->events->close(shell);
}

static void toplevel_configure_bounds(void *data, struct xdg_toplevel *toplevel, int32_t width,
                                      int32_t height)
{
    struct wayl_shell *shell = data;
    shell->events->bounds(shell, width > 0 ? (uint32_t)width : 0,
                          height > 0 ? (uint32_t)height : 0);
}

static void toplevel_wm_capabilities(void *data, struct xdg_toplevel *toplevel,
                                     struct wl_array *capabilities)
{
}

static const struct xdg_toplevel_listener toplevel_listener = {
    .configure = toplevel_configure,
    .close = toplevel_close,
    .configure_bounds = toplevel_configure_bounds,
    .wm_capabilities = toplevel_wm_capabilities,
};

static void surface_configure(void *data, struct xdg_surface *xdg_surface, uint32_t serial)
{
    struct wayl_shell *shell = data;
    shell->serial = serial;
    shell->events->configure(shell, &shell->state);
}

static const struct xdg_surface_listener xdg_surface_listener = { .configure = surface_configure };

static void xdg_title(struct wayl_shell *shell, const char *title)
{
    xdg_toplevel_set_title(shell->toplevel, title);
}

static void xdg_app_id(struct wayl_shell *shell, const char *app_id)
{
    xdg_toplevel_set_app_id(shell->toplevel, app_id);
}

static void xdg_min_size(struct wayl_shell *shell, int32_t width, int32_t height)
{
    xdg_toplevel_set_min_size(shell->toplevel, width, height);
}

static void xdg_ack(struct wayl_shell *shell, struct wayl_size size)
{
    xdg_surface_ack_configure(shell->xdg_surface, shell->serial);
}

/* The window's geometry is its surface's by itself. */
static void xdg_resize(struct wayl_shell *shell, struct wayl_size size)
{
}

static void xdg_geometry(struct wayl_shell *shell, int32_t x, int32_t y, struct wayl_size size)
{
    xdg_surface_set_window_geometry(shell->xdg_surface, x, y, (int32_t)size.width,
                                    (int32_t)size.height);
}

static void xdg_destroy(struct wayl_shell *shell)
{
    if (shell->toplevel)
        xdg_toplevel_destroy(shell->toplevel);
    if (shell->xdg_surface)
        xdg_surface_destroy(shell->xdg_surface);
}

static const struct wayl_shell_ops xdg_ops = {
    .title = xdg_title,
    .app_id = xdg_app_id,
    .min_size = xdg_min_size,
    .ack = xdg_ack,
    .resize = xdg_resize,
    .geometry = xdg_geometry,
    .destroy = xdg_destroy,
};

bool wayl_shell_xdg_create(struct wayl_shell *shell, const struct wayl_connection *conn)
{
    shell->ops = &xdg_ops;
    shell->xdg_surface = xdg_wm_base_get_xdg_surface(conn->wm_base, shell->surface);
    if (shell->xdg_surface)
        shell->toplevel = xdg_surface_get_toplevel(shell->xdg_surface);
    if (!shell->toplevel) {
        wayl_shell_destroy(shell);
        return false;
    }
    xdg_surface_add_listener(shell->xdg_surface, &xdg_surface_listener, shell);
    xdg_toplevel_add_listener(shell->toplevel, &toplevel_listener, shell);
    return true;
}
