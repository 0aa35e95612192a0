// SPDX-License-Identifier: MIT
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <wayland-client.h>

#include "content-type-v1-client.h"
#include "fractional-scale-v1-client.h"
#include "idle-inhibit-v1-client.h"
#include "keyboard-shortcuts-inhibit-v1-client.h"
#include "linux-dmabuf-v1-client.h"
#include "pointer-constraints-v1-client.h"
#include "presentation-time-client.h"
#include "protocols-config.h"
#include "relative-pointer-v1-client.h"
#include "tablet-v2-client.h"
#include "tearing-control-v1-client.h"
#include "viewporter-client.h"
#include "xdg-activation-v1-client.h"
#include "xdg-decoration-v1-client.h"
#include "xdg-shell-client.h"
#if HAVE_CURSOR_SHAPE
#include "cursor-shape-v1-client.h"
#endif
#if HAVE_DRM_SYNCOBJ
#include "linux-drm-syncobj-v1-client.h"
#endif
#if HAVE_XDG_ICON
#include "xdg-toplevel-icon-v1-client.h"
#endif

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/connection.h"

#define ANSWER_MS 5000

#ifdef WL_SURFACE_PREFERRED_BUFFER_SCALE_SINCE_VERSION
#define COMPOSITOR_VERSION 6
#else
#define COMPOSITOR_VERSION 4
#endif

static void wm_base_ping(void *data, struct xdg_wm_base *wm_base, uint32_t serial)
{
    xdg_wm_base_pong(wm_base, serial);
}

static const struct xdg_wm_base_listener wm_base_listener = { .ping = wm_base_ping };

/* A global that there is one of: its name, the versions that we speak, and where its proxy goes. */
struct singleton {
    const struct wl_interface *interface;
    uint32_t min_version, max_version;
    size_t member; /* offset of the pointer in struct wayl_connection */
};

static const struct singleton singletons[] = {
    /* 4: damage in buffer coordinates, 6: the preferred scale */
    { &wl_compositor_interface, 4, COMPOSITOR_VERSION,
      offsetof(struct wayl_connection, compositor) },
    { &wl_shm_interface, 1, 1, offsetof(struct wayl_connection, shm) },
    { &xdg_wm_base_interface, 1, HAVE_XDG_SUSPENDED ? 6 : 5,
      offsetof(struct wayl_connection, wm_base) },
    { &wl_subcompositor_interface, 1, 1, offsetof(struct wayl_connection, subcompositor) },
    { &wp_viewporter_interface, 1, 1, offsetof(struct wayl_connection, viewporter) },
    { &wp_fractional_scale_manager_v1_interface, 1, 1,
      offsetof(struct wayl_connection, fractional_scale) },
    { &wp_presentation_interface, 1, 1, offsetof(struct wayl_connection, presentation) },
    /* 3: modifiers, 4: feedback */
    { &zwp_linux_dmabuf_v1_interface, 3, 4, offsetof(struct wayl_connection, dmabuf) },
    { &zwp_pointer_constraints_v1_interface, 1, 1,
      offsetof(struct wayl_connection, pointer_constraints) },
    { &zwp_relative_pointer_manager_v1_interface, 1, 1,
      offsetof(struct wayl_connection, relative_pointer) },
    { &zwp_keyboard_shortcuts_inhibit_manager_v1_interface, 1, 1,
      offsetof(struct wayl_connection, shortcuts_inhibit) },
    { &zwp_tablet_manager_v2_interface, 1, 1, offsetof(struct wayl_connection, tablets) },
#if HAVE_CURSOR_SHAPE
    { &wp_cursor_shape_manager_v1_interface, 1, 1, offsetof(struct wayl_connection, cursor_shape) },
#endif
#if HAVE_DRM_SYNCOBJ
    { &wp_linux_drm_syncobj_manager_v1_interface, 1, 1, offsetof(struct wayl_connection, syncobj) },
#endif
    { &zxdg_decoration_manager_v1_interface, 1, 1, offsetof(struct wayl_connection, decoration) },
    { &xdg_activation_v1_interface, 1, 1, offsetof(struct wayl_connection, activation) },
    { &zwp_idle_inhibit_manager_v1_interface, 1, 1,
      offsetof(struct wayl_connection, idle_inhibit) },
    { &wp_content_type_manager_v1_interface, 1, 1, offsetof(struct wayl_connection, content_type) },
    { &wp_tearing_control_manager_v1_interface, 1, 1, offsetof(struct wayl_connection, tearing) },
#if HAVE_XDG_ICON
    { &xdg_toplevel_icon_manager_v1_interface, 1, 1, offsetof(struct wayl_connection, icon) },
#endif
};

static struct wl_proxy **singleton_slot(struct wayl_connection *conn,
                                        const struct singleton *global)
{
    return (struct wl_proxy **)(void *)((char *)conn + global->member);
}

static void registry_global(void *data, struct wl_registry *registry, uint32_t name,
                            const char *interface, uint32_t version)
{
    struct wayl_connection *conn = data;
    for (unsigned i = 0; i < ARRAY_LEN(singletons); i++) {
        const struct singleton *global = &singletons[i];
        struct wl_proxy **slot = singleton_slot(conn, global);
        if (strcmp(interface, global->interface->name) != 0)
            continue;
        if (!*slot && version >= global->min_version)
            *slot = wl_registry_bind(registry, name, global->interface,
                                     MIN(version, global->max_version));
        if (*slot && global->interface == &xdg_wm_base_interface && !wl_proxy_get_listener(*slot))
            xdg_wm_base_add_listener(conn->wm_base, &wm_base_listener, conn);
        return;
    }
    conn->ops->global(conn, name, interface, version);
}

static void registry_global_remove(void *data, struct wl_registry *registry, uint32_t name)
{
    struct wayl_connection *conn = data;
    conn->ops->global_remove(conn, name);
}

static const struct wl_registry_listener registry_listener = {
    .global = registry_global,
    .global_remove = registry_global_remove,
};

static void explain_no_compositor(int err)
{
    const char *name = getenv("WAYLAND_DISPLAY");
    if (!getenv("XDG_RUNTIME_DIR") && !(name && name[0] == '/'))
        log_error(
            "no Wayland session: XDG_RUNTIME_DIR is not set; start vitrine from a terminal of "
            "your desktop, or with --headless");
    else if (!name)
        log_error(
            "no Wayland session: WAYLAND_DISPLAY is not set; start vitrine from a terminal of "
            "your desktop, or with --headless");
    else
        log_error("no compositor answers at WAYLAND_DISPLAY=%s: %s; correct it, or use --headless",
                  name, strerror(err));
}

/* One line on why the connection ended. */
static void explain_end(struct wayl_connection *conn)
{
    int err = wl_display_get_error(conn->display);
    if (err == 0 || err == EPIPE || err == ECONNRESET) {
        log_warn("the compositor closed the connection");
        return;
    }
    if (err != EPROTO) {
        log_warn("the connection to the compositor failed: %s", strerror(err));
        return;
    }
    const struct wl_interface *interface = NULL;
    uint32_t id = 0;
    uint32_t code = wl_display_get_protocol_error(conn->display, &interface, &id);
    log_bug("the compositor ended the connection for a protocol error: %u on %s@%u", code,
            interface ? interface->name : "an object that is gone", id);
}

/* libwayland's own lines would come on top of ours. */
static void wayland_log(const char *fmt, va_list args)
{
    char line[256];
    vsnprintf(line, sizeof(line), fmt, args);
    line[strcspn(line, "\n")] = '\0';
    log_debug("libwayland: %s", line);
}

static void sync_done(void *data, struct wl_callback *callback, uint32_t serial)
{
    *(bool *)data = true;
}

static const struct wl_callback_listener sync_listener = { .done = sync_done };

static int64_t now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Reads and dispatches once, waiting until the deadline at most. */
static bool connection_wait(struct wayl_connection *conn, int64_t deadline_ms)
{
    while (wl_display_prepare_read(conn->display) != 0) {
        if (wl_display_dispatch_pending(conn->display) < 0)
            return false;
    }
    bool full = wl_display_flush(conn->display) < 0 && errno == EAGAIN;
    struct pollfd pfd = { .fd = wl_display_get_fd(conn->display),
                          .events = (short)(POLLIN | (full ? POLLOUT : 0)) };
    int64_t left = deadline_ms - now_ms();
    int n = left > 0 ? poll(&pfd, 1, (int)left) : 0;
    if (n <= 0) {
        wl_display_cancel_read(conn->display);
        return n < 0 && errno == EINTR;
    }
    if (wl_display_read_events(conn->display) < 0)
        return false;
    return wl_display_dispatch_pending(conn->display) >= 0;
}

bool wayl_connection_roundtrip(struct wayl_connection *conn)
{
    bool answered = false;
    int64_t deadline = now_ms() + ANSWER_MS;
    struct wl_callback *callback = wl_display_sync(conn->display);
    if (!callback)
        return false;
    wl_callback_add_listener(callback, &sync_listener, &answered);
    while (!answered && connection_wait(conn, deadline))
        ;
    wl_callback_destroy(callback);
    if (answered)
        return true;
    int err = wl_display_get_error(conn->display);
    log_error("the compositor %s; start vitrine in a working session, or with --headless",
              err ? "hung up" : "does not answer");
    return false;
}

bool wayl_connection_open(struct wayl_connection *conn, struct loop *loop,
                          const struct wayl_connection_ops *ops)
{
    *conn = (struct wayl_connection){ .ops = ops, .loop = loop };
    wl_log_set_handler_client(wayland_log);
    conn->display = wl_display_connect(NULL);
    if (!conn->display) {
        explain_no_compositor(errno);
        return false;
    }
    conn->registry = wl_display_get_registry(conn->display);
    if (!conn->registry)
        return false;
    wl_registry_add_listener(conn->registry, &registry_listener, conn);
    if (!wayl_connection_roundtrip(conn))
        return false;
    const char *missing = !conn->compositor ? "wl_compositor version 4"
                          : !conn->shm      ? "wl_shm"
                          : !conn->wm_base  ? "xdg_wm_base"
                                            : NULL;
    if (missing)
        log_error(
            "the compositor has no %s, so it can't show windows; use another one, or --headless",
            missing);
    return !missing;
}

static void connection_lost(struct wayl_connection *conn)
{
    explain_end(conn);
    loop_fd_remove(&conn->source);
    loop_prepare_remove(&conn->prepare);
    conn->ops->lost(conn);
}

static void connection_flush(struct wayl_connection *conn)
{
    /* Any other error shows when reading, behind the reason that the compositor may have sent. */
    bool blocked = wl_display_flush(conn->display) < 0 && errno == EAGAIN;
    if (blocked == conn->blocked)
        return;
    conn->blocked = blocked;
    loop_fd_modify(&conn->source, EPOLLIN | (blocked ? EPOLLOUT : 0));
    if (!blocked) {
        conn->ops->writable(conn);
        wl_display_flush(conn->display);
    }
}

bool wayl_connection_full(struct wayl_connection *conn)
{
    if (!conn->blocked)
        connection_flush(conn);
    return conn->blocked;
}

static void connection_prepare(struct loop_prepare *prepare)
{
    struct wayl_connection *conn = container_of(prepare, struct wayl_connection, prepare);
    while (!conn->reading) {
        if (wl_display_prepare_read(conn->display) == 0) {
            conn->reading = true;
        } else if (wl_display_dispatch_pending(conn->display) < 0) {
            connection_lost(conn);
            return;
        }
    }
    connection_flush(conn);
}

/* libwayland from 1.23 on never says so if half a message is left before the end. */
static bool is_at_end(int fd)
{
    char byte;
    return recv(fd, &byte, sizeof(byte), MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void connection_event(struct loop_fd *source, uint32_t events)
{
    struct wayl_connection *conn = container_of(source, struct wayl_connection, source);
    if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || !conn->reading)
        return; /* room to write: the flush before the next sleep uses it */
    conn->reading = false;
    if (wl_display_read_events(conn->display) < 0 ||
        wl_display_dispatch_pending(conn->display) < 0 ||
        (events & EPOLLHUP && is_at_end(wl_display_get_fd(conn->display))))
        connection_lost(conn);
    else
        conn->ops->dispatched(conn);
}

bool wayl_connection_start(struct wayl_connection *conn)
{
    int err = loop_fd_add(conn->loop, &conn->source, wl_display_get_fd(conn->display), EPOLLIN,
                          connection_event);
    if (err < 0) {
        log_error("can't watch the compositor's socket: %s", strerror(-err));
        return false;
    }
    loop_prepare_add(conn->loop, &conn->prepare, connection_prepare);
    return true;
}

void wayl_connection_close(struct wayl_connection *conn)
{
    if (!conn->display)
        return;
    if (conn->source.loop) {
        loop_fd_remove(&conn->source);
        loop_prepare_remove(&conn->prepare);
    }
    if (conn->reading)
        wl_display_cancel_read(conn->display);
    conn->reading = false;
    for (unsigned i = 0; i < ARRAY_LEN(singletons); i++) {
        struct wl_proxy **slot = singleton_slot(conn, &singletons[i]);
        if (*slot)
            wl_proxy_destroy(*slot);
        *slot = NULL;
    }
    if (conn->registry)
        wl_registry_destroy(conn->registry);
    conn->registry = NULL;
    wl_display_disconnect(conn->display);
    conn->display = NULL;
}
