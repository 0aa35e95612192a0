// SPDX-License-Identifier: MIT
#include "wl/shell.h"

#include <poll.h>
#include <wayland-client.h>

#include "xdg-shell-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "wl/connection.h"

void wayl_shells_init(struct wayl_shells *shells, const struct wayl_connection *conn, bool wanted)
{
    *shells = (struct wayl_shells){ .conn = conn };
    if (!wanted || conn->decoration)
        return;
    if (conn->subcompositor)
        shells->libdecor = wayl_shell_decor_load(conn);
    else
        log_debug("the compositor has neither xdg-decoration nor subsurfaces: no title bar");
}

/* GTK, which may be in the plugin, has a connection of its own, and where that is lost it ends the process:
 * the VM. Ours is lost at the same time, and stays open for what is left to be read. */
static bool is_hung_up(const struct wayl_connection *conn)
{
    struct pollfd pfd = { .fd = wl_display_get_fd(conn->display) };
    return poll(&pfd, 1, 0) != 0;
}

void wayl_shells_dispatch(struct wayl_shells *shells)
{
    if (shells->libdecor && !is_hung_up(shells->conn))
        wayl_shell_decor_dispatch(shells->libdecor);
}

void wayl_shells_finish(struct wayl_shells *shells)
{
    if (shells->libdecor)
        wayl_shell_decor_unload(shells->libdecor);
    shells->libdecor = NULL;
}

bool wayl_shell_create(struct wayl_shell *shell, struct wayl_shells *shells,
                       struct wl_surface *surface, const struct wayl_shell_events *events)
{
    *shell =
        (struct wayl_shell){ .surface = surface, .events = events, .loop = shells->conn->loop };
    if (shells->libdecor && wayl_shell_decor_create(shell, shells->libdecor))
        return true;
    return wayl_shell_xdg_create(shell, shells->conn);
}

void wayl_shell_destroy(struct wayl_shell *shell)
{
    if (shell->ops)
        shell->ops->destroy(shell);
    *shell = (struct wayl_shell){ 0 };
}

bool wayl_shell_framed(const struct wayl_shell *shell)
{
    return shell->frame;
}

void wayl_shell_set_title(struct wayl_shell *shell, const char *title)
{
    if (shell->ops)
        shell->ops->title(shell, title);
}

void wayl_shell_set_app_id(struct wayl_shell *shell, const char *app_id)
{
    shell->ops->app_id(shell, app_id);
}

void wayl_shell_set_min_size(struct wayl_shell *shell, int32_t width, int32_t height)
{
    shell->ops->min_size(shell, width, height);
}

void wayl_shell_ack(struct wayl_shell *shell, struct wayl_size size)
{
    shell->ops->ack(shell, size);
}

void wayl_shell_resize(struct wayl_shell *shell, struct wayl_size size)
{
    shell->ops->resize(shell, size);
}

void wayl_shell_set_geometry(struct wayl_shell *shell, int32_t x, int32_t y, struct wayl_size size)
{
    shell->ops->geometry(shell, x, y, size);
}

void wayl_shell_ask_fullscreen(struct wayl_shell *shell, bool fullscreen)
{
    if (!shell->toplevel)
        return;
    if (fullscreen)
        xdg_toplevel_set_fullscreen(shell->toplevel, NULL);
    else
        xdg_toplevel_unset_fullscreen(shell->toplevel);
}

void wayl_shell_ask_maximized(struct wayl_shell *shell, bool maximized)
{
    if (!shell->toplevel)
        return;
    if (maximized)
        xdg_toplevel_set_maximized(shell->toplevel);
    else
        xdg_toplevel_unset_maximized(shell->toplevel);
}
