/* SPDX-License-Identifier: MIT */
/*
 * What makes a surface a window: its xdg_surface and xdg_toplevel. They are our own (shell_xdg.c) where
 * the compositor draws the title bar, or nobody does; and libdecor's (shell_decor.c), which then draws one
 * around the surface, where the compositor can't. The surface itself is the window's in both.
 *
 * libdecor's frame is made of subsurfaces whose places count from the surface's corner, and libdecor
 * alone knows the window's geometry. So all sizes here are of what is within the frame, and whatever else
 * belongs to the window must begin in that corner (wl/layout.h).
 */
#ifndef VITRINE_WL_SHELL_H
#define VITRINE_WL_SHELL_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "vmm/base/loop.h"
#include "wl/layout.h"

struct libdecor;
struct libdecor_configuration;
struct libdecor_frame;
struct wayl_connection;
struct wayl_shell;
struct wl_surface;
struct xdg_surface;
struct xdg_toplevel;

/* What all windows share. */
struct wayl_shells {
    const struct wayl_connection *conn;
    struct libdecor *libdecor; /* or NULL: not there, or not needed */
};

/* What the compositor wants of the window. */
struct wayl_shell_state {
    enum wayl_layout_kind kind;
    uint32_t width, height; /* logical pixels within the frame; 0: as we like */
    bool suspended, fullscreen, maximized;
};

struct wayl_shell_events {
    /* wayl_shell_ack() must be called in it, and the surface committed behind that. */
    void (*configure)(struct wayl_shell *shell, const struct wayl_shell_state *state);
    /* What a window had better fit in, logical pixels; 0×0: unknown. The configure follows. */
    void (*bounds)(struct wayl_shell *shell, uint32_t width, uint32_t height);
    void (*close)(struct wayl_shell *shell);
};

/* The two kinds. Everything but create is called with objects that are there. */
struct wayl_shell_ops {
    void (*title)(struct wayl_shell *shell, const char *title);
    void (*app_id)(struct wayl_shell *shell, const char *app_id);
    void (*min_size)(struct wayl_shell *shell, int32_t width, int32_t height);
    void (*ack)(struct wayl_shell *shell, struct wayl_size size);
    void (*resize)(struct wayl_shell *shell, struct wayl_size size);
    void (*geometry)(struct wayl_shell *shell, int32_t x, int32_t y, struct wayl_size size);
    void (*destroy)(struct wayl_shell *shell);
};

struct wayl_shell {
    const struct wayl_shell_ops *ops; /* NULL: no objects */
    const struct wayl_shell_events *events;
    struct wl_surface *surface;
    struct xdg_surface *xdg_surface;
    struct xdg_toplevel *toplevel;
    struct wayl_shell_state state; /* of the configure that came last, or is being gathered */
    uint32_t serial;               /* of the configure under way */
    struct loop *loop;
    /* shell_decor.c's. */
    struct loop_task closing;                     /* events->close */
    struct libdecor_frame *frame;                 /* or NULL: there is no frame of ours */
    struct libdecor_configuration *configuration; /* under way, or NULL */
    struct wayl_size size;                        /* that the frame was drawn for */
    struct frame_rect beside; /* the geometry's corner is so far out of the surface */
    bool mapped;              /* the first configure has come */
};

/* Loads libdecor if `wanted`, where the compositor has no xdg-decoration, there is a plugin that draws, and
 * the compositor has what that takes. Plugins wait for the compositor and dispatch what it says meanwhile,
 * so all listeners must be there. wayl_connection_roundtrip() must follow before the first window. Why
 * there is no title bar is logged for debugging. */
void wayl_shells_init(struct wayl_shells *shells, const struct wayl_connection *conn, bool wanted);
/* Whatever libdecor's plugin has to do besides Wayland's events; behind the dispatch of those. */
void wayl_shells_dispatch(struct wayl_shells *shells);
/* Before the connection is closed, when no window is left. Harmless twice. */
void wayl_shells_finish(struct wayl_shells *shells);

/* Gives the surface its objects; it is not mapped yet. False: no memory, and nothing is left. */
bool wayl_shell_create(struct wayl_shell *shell, struct wayl_shells *shells,
                       struct wl_surface *surface, const struct wayl_shell_events *events);
/* Before the surface goes. Harmless on a zeroed structure, and twice. */
void wayl_shell_destroy(struct wayl_shell *shell);

/* Whether the window has a frame that is drawn by us, unless it is fullscreen. */
bool wayl_shell_framed(const struct wayl_shell *shell);
void wayl_shell_set_title(struct wayl_shell *shell, const char *title);
void wayl_shell_set_app_id(struct wayl_shell *shell, const char *app_id);
void wayl_shell_set_min_size(struct wayl_shell *shell, int32_t width, int32_t height);
/* Answers a configure: the window will have this size. */
void wayl_shell_ack(struct wayl_shell *shell, struct wayl_size size);
/* The next commit's size, if it is another one. */
void wayl_shell_resize(struct wayl_shell *shell, struct wayl_size size);
/* The window's geometry from the next commit on, where it is more than the surface. */
void wayl_shell_set_geometry(struct wayl_shell *shell, int32_t x, int32_t y, struct wayl_size size);
/* Asks the compositor for it: fullscreen on the screen that the window is on. */
void wayl_shell_ask_fullscreen(struct wayl_shell *shell, bool fullscreen);
void wayl_shell_ask_maximized(struct wayl_shell *shell, bool maximized);

/* Whether libdecor is built in and has a plugin that draws. Any thread. */
bool wayl_shell_decor_possible(void);

/* For shell.c: the two ways to make them, and libdecor itself. */
bool wayl_shell_xdg_create(struct wayl_shell *shell, const struct wayl_connection *conn);
bool wayl_shell_decor_create(struct wayl_shell *shell, struct libdecor *libdecor);
struct libdecor *wayl_shell_decor_load(const struct wayl_connection *conn);
void wayl_shell_decor_dispatch(struct libdecor *libdecor);
void wayl_shell_decor_unload(struct libdecor *libdecor);

#endif
