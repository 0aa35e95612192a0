// SPDX-License-Identifier: MIT
/*
 * A window whose frame libdecor draws. libdecor has a registry and objects of its own on our connection and
 * its events come by the default queue, so our dispatch is its dispatch; but a plugin may have other things
 * to do (GTK's), which libdecor_dispatch() without a timeout does.
 */
#include <dirent.h>
#include <libdecor.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/shell.h"
#include "xdg-shell-client.h"

#define TILED                                                                                      \
    (LIBDECOR_WINDOW_STATE_TILED_LEFT | LIBDECOR_WINDOW_STATE_TILED_RIGHT |                        \
     LIBDECOR_WINDOW_STATE_TILED_TOP | LIBDECOR_WINDOW_STATE_TILED_BOTTOM)

static bool folder_has_plugin(const char *folder)
{
    bool found = false;
    DIR *dir = opendir(folder);
    if (!dir)
        return false;
    for (struct dirent *entry; !found && (entry = readdir(dir));) {
        size_t len = strlen(entry->d_name);
        found = len > 3 && strcmp(entry->d_name + len - 3, ".so") == 0;
    }
    closedir(dir);
    return found;
}

/* Without one libdecor draws nothing, and would only take from us what xdg-shell says. */
bool wayl_shell_decor_possible(void)
{
    const char *folders = getenv("LIBDECOR_PLUGIN_DIR");
    char *copy = strdup(folders ? folders : LIBDECOR_PLUGINS), *save = NULL;
    bool found = false;
    for (char *folder = copy ? strtok_r(copy, ":", &save) : NULL; folder && !found;
         folder = strtok_r(NULL, ":", &save))
        found = folder_has_plugin(folder);
    free(copy);
    return found;
}

static void on_error(struct libdecor *libdecor, enum libdecor_error error, const char *message)
{
    log_warn("libdecor draws no title bars: %s", message);
}

static struct libdecor_interface libdecor_interface = { .error = on_error };

struct libdecor *wayl_shell_decor_load(const struct wayl_connection *conn)
{
    if (!wayl_shell_decor_possible()) {
        log_debug("the compositor draws no title bars and libdecor has no plugin that does");
        return NULL;
    }
    return libdecor_new(conn->display, &libdecor_interface);
}

void wayl_shell_decor_dispatch(struct libdecor *libdecor)
{
    libdecor_dispatch(libdecor, 0);
}

void wayl_shell_decor_unload(struct libdecor *libdecor)
{
    libdecor_unref(libdecor);
}

/* The geometry that libdecor gives to a fullscreen window is the surface's; ours may be larger. */
static void correct_geometry(struct wayl_shell *shell)
{
    if (shell->state.fullscreen && (shell->beside.x || shell->beside.y))
        xdg_surface_set_window_geometry(shell->xdg_surface, -(int32_t)shell->beside.x,
                                        -(int32_t)shell->beside.y, (int32_t)shell->beside.width,
                                        (int32_t)shell->beside.height);
}

static void commit_size(struct wayl_shell *shell, struct wayl_size size,
                        struct libdecor_configuration *configuration)
{
    struct libdecor_state *state = libdecor_state_new((int)size.width, (int)size.height);
    shell->size = size;
    libdecor_frame_commit(shell->frame, state, configuration);
    libdecor_state_free(state);
    correct_geometry(shell);
}

static void take_states(struct wayl_shell_state *now, enum libdecor_window_state states)
{
    *now = (struct wayl_shell_state)
    {
        .kind = WAYL_LAYOUT_FLOATING, .fullscreen = states & LIBDECOR_WINDOW_STATE_FULLSCREEN,
        .maximized = states & LIBDECOR_WINDOW_STATE_MAXIMIZED,
#if HAVE_LIBDECOR_SUSPENDED
        .suspended = states & LIBDECOR_WINDOW_STATE_SUSPENDED,
#endif
    };
#if HAVE_LIBDECOR_RESIZING
    if (states & LIBDECOR_WINDOW_STATE_RESIZING)
        now->kind = WAYL_LAYOUT_RESIZING;
#endif
    if (now->maximized || states & TILED)
        now->kind = WAYL_LAYOUT_HELD;
    if (now->fullscreen)
        now->kind = WAYL_LAYOUT_FULLSCREEN;
}

static void frame_configure(struct libdecor_frame *frame,
                            struct libdecor_configuration *configuration, void *data)
{
    struct wayl_shell *shell = data;
    enum libdecor_window_state states;
    int width, height;
    if (libdecor_configuration_get_window_state(configuration, &states))
        take_states(&shell->state, states);
    bool sized = libdecor_configuration_get_content_size(configuration, frame, &width, &height);
    /* What is left of a window that is smaller than its frame. */
    shell->state.width = sized ? (uint32_t)MAX(width, 1) : 0;
    shell->state.height = sized ? (uint32_t)MAX(height, 1) : 0;
    shell->mapped = true;
    shell->configuration = configuration;
    shell->events->configure(shell, &shell->state);
    shell->configuration = NULL;
}

static void on_closing(struct loop_task *task)
{
    struct wayl_shell *shell = container_of(task, struct wayl_shell, closing);
    shell->events->close(shell);
}

/* Where a button of the frame was clicked on, its plugin goes on with the frame behind this. */
static void frame_close(struct libdecor_frame *frame, void *data)
{
    struct wayl_shell *shell = data;
    loop_post(shell->loop, &shell->closing);
}

/* The frame's subsurfaces change with the surface's next commit. */
static void frame_commit(struct libdecor_frame *frame, void *data)
{
    struct wayl_shell *shell = data;
    if (shell->mapped)
        wl_surface_commit(shell->surface);
}

static void frame_dismiss_popup(struct libdecor_frame *frame, const char *seat, void *data)
{
}

static struct libdecor_frame_interface frame_interface = {
    .configure = frame_configure,
    .close = frame_close,
    .commit = frame_commit,
    .dismiss_popup = frame_dismiss_popup,
};

static void decor_title(struct wayl_shell *shell, const char *title)
{
    libdecor_frame_set_title(shell->frame, title);
}

static void decor_app_id(struct wayl_shell *shell, const char *app_id)
{
    libdecor_frame_set_app_id(shell->frame, app_id);
}

static void decor_min_size(struct wayl_shell *shell, int32_t width, int32_t height)
{
    libdecor_frame_set_min_content_size(shell->frame, width, height);
}

static void decor_ack(struct wayl_shell *shell, struct wayl_size size)
{
    commit_size(shell, size, shell->configuration);
}

static void decor_resize(struct wayl_shell *shell, struct wayl_size size)
{
    if (!wayl_size_equal(size, shell->size))
        commit_size(shell, size, NULL);
}

static void decor_geometry(struct wayl_shell *shell, int32_t x, int32_t y, struct wayl_size size)
{
    bool was = shell->beside.x || shell->beside.y;
    shell->beside = (struct frame_rect){
        .x = (uint32_t)-x, .y = (uint32_t)-y, .width = size.width, .height = size.height
    };
    if (x || y)
        correct_geometry(shell);
    else if (was && shell->state.fullscreen)
        xdg_surface_set_window_geometry(shell->xdg_surface, 0, 0, (int32_t)size.width,
                                        (int32_t)size.height);
}

static void decor_destroy(struct wayl_shell *shell)
{
    loop_task_cancel(shell->loop, &shell->closing);
    libdecor_frame_unref(shell->frame);
}

static const struct wayl_shell_ops decor_ops = {
    .title = decor_title,
    .app_id = decor_app_id,
    .min_size = decor_min_size,
    .ack = decor_ack,
    .resize = decor_resize,
    .geometry = decor_geometry,
    .destroy = decor_destroy,
};

bool wayl_shell_decor_create(struct wayl_shell *shell, struct libdecor *libdecor)
{
    struct libdecor_frame *frame =
        libdecor_decorate(libdecor, shell->surface, &frame_interface, shell);
    if (!frame)
        return false;
    shell->xdg_surface = libdecor_frame_get_xdg_surface(frame);
    shell->toplevel = libdecor_frame_get_xdg_toplevel(frame);
    if (!shell->xdg_surface || !shell->toplevel) { /* it is not ready, and never will be */
        log_debug("libdecor's plugin does not start: no title bar");
        libdecor_frame_unref(frame);
        shell->xdg_surface = NULL;
        shell->toplevel = NULL;
        return false;
    }
    loop_task_init(&shell->closing, on_closing);
    shell->ops = &decor_ops;
    shell->frame = frame;
    return true;
}
