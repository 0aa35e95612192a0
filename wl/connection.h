/* SPDX-License-Identifier: MIT */
/*
 * The connection to the compositor: the globals that everything needs, and the way of its events and
 * requests through the loop.
 *
 * Reading follows wl_display_prepare_read(3): before the loop sleeps, all events read so far are
 * dispatched and the requests made meanwhile are sent. Where the socket is full the connection is
 * `blocked`: whoever makes requests at a rate of the guest's choosing must stop until `writable`,
 * because libwayland ends a connection whose own buffer overflows, of bytes or of fds (28).
 */
#ifndef VITRINE_WL_CONNECTION_H
#define VITRINE_WL_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"

struct wayl_connection;

struct wayl_connection_ops {
    /* A global that may come in several pieces, or come and go: a seat or an output. */
    void (*global)(struct wayl_connection *conn, uint32_t name, const char *interface,
                   uint32_t version);
    void (*global_remove)(struct wayl_connection *conn, uint32_t name);
    /* After `blocked`: requests get through again. */
    void (*writable)(struct wayl_connection *conn);
    /* Behind each batch of events from the compositor. */
    void (*dispatched)(struct wayl_connection *conn);
    /* The compositor is gone; one line was logged. All that was made on the connection must be
     * destroyed, and then wayl_connection_close() called. */
    void (*lost)(struct wayl_connection *conn);
};

struct wayl_connection {
    const struct wayl_connection_ops *ops;
    struct loop *loop;
    struct wl_display *display; /* NULL: closed */
    struct wl_registry *registry;
    struct wl_compositor *compositor;
    struct wl_shm *shm;
    struct xdg_wm_base *wm_base;
    struct wl_subcompositor *subcompositor;                              /* or NULL */
    struct wp_cursor_shape_manager_v1 *cursor_shape;                     /* or NULL */
    struct zwp_pointer_constraints_v1 *pointer_constraints;              /* or NULL */
    struct zwp_relative_pointer_manager_v1 *relative_pointer;            /* or NULL */
    struct zwp_keyboard_shortcuts_inhibit_manager_v1 *shortcuts_inhibit; /* or NULL */
    struct zwp_tablet_manager_v2 *tablets;                               /* or NULL */
    struct wp_viewporter *viewporter;                                    /* or NULL */
    struct wp_fractional_scale_manager_v1 *fractional_scale;             /* or NULL */
    struct wp_presentation *presentation;                                /* or NULL */
    struct zwp_linux_dmabuf_v1 *dmabuf;              /* or NULL; version 3 or later */
    struct wp_linux_drm_syncobj_manager_v1 *syncobj; /* or NULL */
    /* What manners.h asks by; each or NULL. */
    struct zxdg_decoration_manager_v1 *decoration;
    struct xdg_activation_v1 *activation;
    struct zwp_idle_inhibit_manager_v1 *idle_inhibit;
    struct wp_content_type_manager_v1 *content_type;
    struct wp_tearing_control_manager_v1 *tearing;
    struct xdg_toplevel_icon_manager_v1 *icon;
    struct loop_fd source;
    struct loop_prepare prepare;
    bool reading; /* between prepare_read and read_events */
    bool blocked;
};

/* Connects to the compositor of the environment and binds the globals. False, with one line logged,
 * where there is none, it does not answer, or it lacks what is needed. The caller closes it in any case,
 * behind what `global` made. */
bool wayl_connection_open(struct wayl_connection *conn, struct loop *loop,
                          const struct wayl_connection_ops *ops);
/* Waits until the compositor has handled all requests, at most 5 s. Only before the loop runs. */
bool wayl_connection_roundtrip(struct wayl_connection *conn);
/* From here on the loop serves the connection. */
bool wayl_connection_start(struct wayl_connection *conn);
/* Sends what waits to be sent, and says whether the connection is blocked now: for requests of which one turn
 * of the loop may bring many. */
bool wayl_connection_full(struct wayl_connection *conn);
/* Harmless on one that is closed, or zeroed. */
void wayl_connection_close(struct wayl_connection *conn);

#endif
