// SPDX-License-Identifier: MIT
#include <drm_fourcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "content-type-v1-server.h"
#include "fractional-scale-v1-server.h"
#include "idle-inhibit-v1-server.h"
#include "keyboard-shortcuts-inhibit-v1-server.h"
#include "linux-dmabuf-v1-server.h"
#include "pointer-constraints-v1-server.h"
#include "presentation-time-server.h"
#include "protocols-config.h"
#include "relative-pointer-v1-server.h"
#include "tablet-v2-server.h"
#include "tearing-control-v1-server.h"
#include "viewporter-server.h"
#include "xdg-activation-v1-server.h"
#include "xdg-decoration-v1-server.h"
#include "xdg-shell-server.h"
#if HAVE_CURSOR_SHAPE
#include "cursor-shape-v1-server.h"
#endif
#if HAVE_XDG_ICON
#include "xdg-toplevel-icon-v1-server.h"
#endif

#define LOG_MODULE "compositor"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static const struct compositor_format linear_formats[] = {
    { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
    { DRM_FORMAT_ARGB8888, DRM_FORMAT_MOD_LINEAR },
};

const struct compositor_config compositor_everything = {
    .subcompositor = 1,
    .cursor_shape = 1,
    .pointer_constraints = 1,
    .relative_pointer = 1,
    .shortcuts_inhibit = 1,
    .tablets = 1,
    .compositor = 5,
    .shm = 1,
    .wm_base = 5,
    .viewporter = 1,
    .presentation = 1,
    .dmabuf = 4,
    .fractional_scale = 1,
    .decoration = 1,
    .activation = 1,
    .idle_inhibit = 1,
    .content_type = 1,
    .tearing = 1,
    .icon = 1,
    .output = 4,
    .seat = { 8 },
    .layouts = "us",
    .formats = linear_formats,
    .n_formats = ARRAY_LEN(linear_formats),
};

const struct compositor_config compositor_poor = {
    .compositor = 4,
    .shm = 1,
    .wm_base = 1,
    .seat = { 4 },
};

#define VERSION(member) offsetof(struct compositor_config, member)

const struct compositor_global compositor_globals[] = {
    { &wl_compositor_interface, VERSION(compositor), compositor_bind_compositor, .needed = true },
    { &wl_shm_interface, VERSION(shm), NULL, .needed = true },
    { &xdg_wm_base_interface, VERSION(wm_base), compositor_bind_wm_base, .needed = true },
    { &wp_viewporter_interface, VERSION(viewporter), compositor_bind_viewporter },
    { &wp_presentation_interface, VERSION(presentation), compositor_bind_presentation },
    { &zwp_linux_dmabuf_v1_interface, VERSION(dmabuf), compositor_bind_dmabuf },
    { &wp_fractional_scale_manager_v1_interface, VERSION(fractional_scale),
      compositor_bind_fractional_scale },
    { &wl_subcompositor_interface, VERSION(subcompositor), compositor_bind_subcompositor },
    { &zwp_pointer_constraints_v1_interface, VERSION(pointer_constraints),
      compositor_bind_pointer_constraints },
    { &zwp_relative_pointer_manager_v1_interface, VERSION(relative_pointer),
      compositor_bind_relative_pointer },
    { &zwp_keyboard_shortcuts_inhibit_manager_v1_interface, VERSION(shortcuts_inhibit),
      compositor_bind_shortcuts_inhibit },
    { &zwp_tablet_manager_v2_interface, VERSION(tablets), compositor_bind_tablets },
#if HAVE_CURSOR_SHAPE
    { &wp_cursor_shape_manager_v1_interface, VERSION(cursor_shape), compositor_bind_cursor_shape },
#endif
    { &zxdg_decoration_manager_v1_interface, VERSION(decoration), compositor_bind_decoration },
    { &xdg_activation_v1_interface, VERSION(activation), compositor_bind_activation },
    { &zwp_idle_inhibit_manager_v1_interface, VERSION(idle_inhibit), compositor_bind_idle_inhibit },
    { &wp_content_type_manager_v1_interface, VERSION(content_type), compositor_bind_content_type },
    { &wp_tearing_control_manager_v1_interface, VERSION(tearing), compositor_bind_tearing },
#if HAVE_XDG_ICON
    { &xdg_toplevel_icon_manager_v1_interface, VERSION(icon), compositor_bind_icon },
#endif
    { &wl_output_interface, VERSION(output), NULL },
    { &wl_seat_interface, VERSION(seat[0]), NULL },
};
const unsigned compositor_n_globals = ARRAY_LEN(compositor_globals);

uint32_t *compositor_version(struct compositor_config *config,
                             const struct compositor_global *global)
{
    return (uint32_t *)(void *)((char *)config + global->version);
}

static void globals_create(struct compositor *c)
{
    for (unsigned i = 0; i < compositor_n_globals; i++) {
        const struct compositor_global *global = &compositor_globals[i];
        uint32_t version = *compositor_version(&c->config, global);
        if (version && global->bind)
            wl_global_create(c->display, global->interface, (int)version, c, global->bind);
    }
    if (c->config.shm)
        wl_display_init_shm(c->display);
    compositor_outputs_bind(c);
    compositor_seats_bind(c);
    compositor_syncobj_bind(c);
}

void compositor_destroy_request(struct wl_client *client, struct wl_resource *resource)
{
    wl_resource_destroy(resource);
}

static void waiter_gone(struct wl_resource *resource)
{
    struct waiter *waiter = wl_resource_get_user_data(resource);
    list_remove(&waiter->link);
    free(waiter);
}

void waiter_add(struct list *list, struct wl_client *client, const struct wl_interface *interface,
                uint32_t id, unsigned *count)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter));
    BUG_ON(!waiter);
    waiter->resource = wl_resource_create(client, interface, 1, id);
    wl_resource_set_implementation(waiter->resource, NULL, waiter, waiter_gone);
    list_append(list, &waiter->link);
    if (count)
        (*count)++;
}

static int stop_asked(int fd, uint32_t mask, void *data)
{
    struct compositor *c = data;
    c->stopped = true;
    return 0;
}

static void *serve(void *data)
{
    struct compositor *c = data;
    struct wl_event_loop *events = wl_display_get_event_loop(c->display);
    while (!c->stopped) {
        wl_display_flush_clients(c->display);
        wl_event_loop_dispatch(events, -1);
    }
    return NULL;
}

static void events_ready(struct loop_fd *source, uint32_t events)
{
    struct compositor *c = container_of(source, struct compositor, source);
    wl_event_loop_dispatch(wl_display_get_event_loop(c->display), 0);
}

static void flush(struct loop_prepare *prepare)
{
    struct compositor *c = container_of(prepare, struct compositor, prepare);
    wl_display_flush_clients(c->display);
}

static void client_gone(struct wl_listener *listener, void *data)
{
    struct compositor *c = container_of(listener, struct compositor, client_gone);
    c->client = NULL;
    c->wm_base = NULL;
    for (unsigned i = 0; i < COMPOSITOR_SEATS; i++)
        c->seat[i].resource = c->seat[i].keyboard = c->seat[i].pointer = NULL;
    for (unsigned i = 0; i < COMPOSITOR_OUTPUTS; i++)
        c->output[i].resource = NULL;
}

static void count_message(void *data, enum wl_protocol_logger_type type,
                          const struct wl_protocol_logger_message *message)
{
    struct compositor *c = data;
    if (++c->n_messages == c->config.hang_up_after)
        shutdown(wl_client_get_fd(c->client), SHUT_RDWR);
}

struct compositor *compositor_create(struct loop *loop, const struct compositor_config *config)
{
    struct compositor *c = calloc(1, sizeof(*c));
    BUG_ON(!c);
    c->config = *config;
    c->loop = loop;
    c->refresh_ns = 13333333;
    list_init(&c->surfaces);
    list_init(&c->imports);
    list_init(&c->timelines);
    c->drm_fd = -1;
    c->display = wl_display_create();
    BUG_ON(!c->display);
    c->logger = wl_display_add_protocol_logger(c->display, count_message, c);
    if (!config->mute)
        globals_create(c);
    int sock[2];
    int err = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sock);
    BUG_ON(err < 0);
    c->client = wl_client_create(c->display, sock[0]);
    BUG_ON(!c->client);
    c->client_gone.notify = client_gone;
    wl_client_add_destroy_listener(c->client, &c->client_gone);
    c->client_fd = sock[1];
    char text[16];
    snprintf(text, sizeof(text), "%d", sock[1]);
    setenv("WAYLAND_SOCKET", text, 1);
    return c;
}

void compositor_serve(struct compositor *c)
{
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    c->stop = wl_event_loop_add_fd(wl_display_get_event_loop(c->display), c->stop_fd,
                                   WL_EVENT_READABLE, stop_asked, c);
    c->serving = true;
    int err = pthread_create(&c->thread, NULL, serve, c);
    BUG_ON(err);
}

void compositor_unserve(struct compositor *c)
{
    fd_event_signal(c->stop_fd);
    pthread_join(c->thread, NULL);
    wl_event_source_remove(c->stop);
    close(c->stop_fd);
    c->serving = false;
    compositor_attend(c);
}

void compositor_attend(struct compositor *c)
{
    compositor_thaw(c);
    loop_prepare_add(c->loop, &c->prepare, flush);
}

void compositor_freeze(struct compositor *c)
{
    loop_fd_remove(&c->source);
}

void compositor_thaw(struct compositor *c)
{
    int err = loop_fd_add(c->loop, &c->source,
                          wl_event_loop_get_fd(wl_display_get_event_loop(c->display)), EPOLLIN,
                          events_ready);
    BUG_ON(err < 0);
}

void compositor_hang_up(struct compositor *c)
{
    if (c->client)
        wl_client_destroy(c->client);
}

void compositor_garble(struct compositor *c, const void *bytes, size_t n)
{
    wl_display_flush_clients(c->display);
    ssize_t sent = send(wl_client_get_fd(c->client), bytes, n, MSG_NOSIGNAL);
    BUG_ON(sent != (ssize_t)n);
}

void compositor_destroy(struct compositor *c)
{
    compositor_hang_up(c);
    if (c->source.loop)
        loop_fd_remove(&c->source);
    loop_prepare_remove(&c->prepare);
    wl_protocol_logger_destroy(c->logger);
    wl_display_destroy(c->display);
    compositor_syncobj_finish(c);
    free(c);
}

void compositor_sync(struct compositor *c)
{
    uint32_t serial = ++c->serial;
    if (!c->wm_base)
        return;
    xdg_wm_base_send_ping(c->wm_base, serial);
    while (c->client && c->pong != serial)
        loop_run_once(c->loop, 1000);
}
