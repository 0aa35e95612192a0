/* SPDX-License-Identifier: MIT */
/*
 * A compositor for tests: it shows nothing, but does at each moment what the test says. It lives on the
 * test's own loop, so that nothing happens between two steps of a test; only while the client waits in
 * wayl_create() a thread serves it.
 *
 * Frame callbacks come when the test calls compositor_repaint(). A buffer that another replaces is
 * released at the commit, as a GL compositor does, unless hold_releases is set. One with a release point
 * (linux-drm-syncobj) is released by that when the next buffer is attached, and by a wl_buffer.release
 * that means nothing at once. Breaking that protocol's rules ends the connection.
 */
#ifndef VITRINE_TESTS_WL_COMPOSITOR_H
#define VITRINE_TESTS_WL_COMPOSITOR_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <wayland-server.h>

#include "vmm/base/list.h"
#include "vmm/base/loop.h"

#define COMPOSITOR_SEATS 2
#define COMPOSITOR_OUTPUTS 4
#define COMPOSITOR_DAMAGE 16

struct compositor_format {
    uint32_t fourcc;
    uint64_t modifier;
};

/* What is offered: of each global the version, where 0 hides it. */
struct compositor_config {
    uint32_t compositor, shm, wm_base, viewporter, presentation, dmabuf, syncobj;
    uint32_t fractional_scale;
    uint32_t subcompositor, cursor_shape;
    uint32_t pointer_constraints, relative_pointer, shortcuts_inhibit, tablets;
    uint32_t decoration, activation, idle_inhibit, content_type, tearing, icon;
    uint32_t output; /* the first; others come by compositor_output_add() */
    uint32_t seat[COMPOSITOR_SEATS];
    const char *options;    /* XKB's, or NULL */
    const char *layouts;    /* the keyboards' keymap: "us,ru"; NULL: one that can't be read */
    bool mute;              /* answers nothing at all */
    unsigned hang_up_after; /* messages, either way; 0: never */
    const struct compositor_format *formats;
    unsigned n_formats;
    dev_t device;     /* the main device; 0: none that exists */
    const char *node; /* with syncobj: the device's render node */
};

/* One row for each global, so that a test can take each away in its turn. */
struct compositor_global {
    const struct wl_interface *interface;
    size_t version;             /* offset in struct compositor_config of a uint32_t */
    wl_global_bind_func_t bind; /* NULL: made elsewhere */
    bool needed;                /* without it, there are no windows */
};
extern const struct compositor_global compositor_globals[];
extern const unsigned compositor_n_globals;
/* Where a config says the version of a global. */
uint32_t *compositor_version(struct compositor_config *config,
                             const struct compositor_global *global);

extern const struct compositor_config compositor_everything; /* linux-dmabuf 4, LINEAR XRGB, ARGB */
extern const struct compositor_config compositor_poor;       /* only what is needed, and a seat */

/* Feedback of linux-dmabuf 4, any of it wrong if the test likes. */
struct compositor_bytes {
    const void *data; /* NULL: this event is left out */
    size_t len;
};
#define BYTES_OF(x) ((struct compositor_bytes){ &(x), sizeof(x) })

struct compositor_feedback {
    struct compositor_bytes table; /* in a file of its size */
    int table_fd;                  /* sent instead of that file; 0: it isn't */
    uint32_t table_size;           /* what is said of it */
    struct compositor_bytes device;
    unsigned n_tranches;
    struct {
        struct compositor_bytes target, indices;
        uint32_t flags;
    } tranche[4];
};

struct rect {
    int32_t x, y, width, height;
};

/* Of a timeline of linux-drm-syncobj. */
struct compositor_point {
    uint32_t timeline; /* its handle at struct compositor.drm_fd; 0: no point */
    uint64_t point;
};

struct compositor_surface {
    struct list link; /* struct compositor.surfaces, in the order of creation */
    struct compositor *compositor;
    struct wl_resource *resource, *xdg_surface, *toplevel;
    /* Gathered for the next commit. */
    struct wl_resource *next_buffer;
    bool next_attached;
    struct rect next_damage[COMPOSITOR_DAMAGE];
    unsigned n_next_damage;
    struct list callbacks;      /* struct callback.link: the commits' and the next one's */
    struct list next_callbacks; /* likewise */
    struct list feedbacks;      /* presentation */
    struct list next_feedbacks;
    struct wl_resource *syncobj; /* or NULL: synchronised implicitly */
    struct compositor_point next_acquire, next_release;
    /* What the last commit said. */
    struct wl_resource *buffer; /* on screen; NULL: none, or it was released early */
    struct wl_listener buffer_gone;
    bool has_content;
    struct compositor_point acquire, release; /* of the buffer attached last */
    struct rect damage[COMPOSITOR_DAMAGE];
    unsigned n_damage;
    unsigned commits;
    struct rect source;    /* of the viewport, -1: unset */
    int32_t width, height; /* of the viewport, -1: unset */
    int32_t transform;
    bool opaque;
    int32_t scale;                        /* wl_surface.set_buffer_scale */
    struct wl_resource *fractional_scale; /* or NULL: not asked for */
    struct wl_resource *feedback;         /* of linux-dmabuf, likewise */
    struct compositor_surface *parent;    /* of a subsurface */
    int32_t next_x, next_y, x, y;         /* in it; the second since the parent's last commit */
    bool below;                           /* its parent */
    bool deaf;                            /* its input region is empty */
    struct rect geometry;                 /* of the window; 0: unset */
    char title[300], app_id[300];
    struct rect min, max;
    bool wants_fullscreen, wants_maximized; /* what was asked for last; the test grants it */
    uint32_t decoration_mode, content_type, tearing; /* as the protocols count; 0: nothing said */
    char icon[64], token[300];
    bool activated_mapped; /* when the token came, the window had content */
    uint32_t acked;
};

struct compositor_seat {
    struct compositor *compositor;
    uint32_t version;
    struct wl_global *global;
    struct wl_resource *resource, *keyboard, *pointer, *touch;
    uint32_t capabilities;
    /* What the client set over its window. */
    struct wl_resource *cursor; /* a wl_surface or NULL: hidden */
    int32_t hot_x, hot_y;
    uint32_t cursor_serial, cursor_shape; /* a shape, or 0 since there is a surface or none */
    unsigned cursor_sets;
    struct wl_resource *tablet_seat, *tablet;
    struct wl_resource *tool;    /* the last; each NULL where the client has none */
    uint32_t tool_cursor_serial; /* of the last tool that the client hid */
    /* Each NULL where the client has none. */
    struct wl_resource *lock, *confine, *relative, *inhibitor;
    struct compositor_surface *constrained; /* what the last lock or confinement was asked for */
    double hint_x, hint_y;                  /* of the last lock */
    unsigned hints;
};

/* A monitor. A test may change it and then call compositor_output_changed(). */
struct compositor_output {
    struct compositor *compositor;
    struct wl_global *global;     /* NULL: there is none in this place */
    struct wl_resource *resource; /* or NULL: the client hasn't bound it */
    int32_t x, y;                 /* in the compositor's layout */
    int32_t width, height, refresh_mhz;
    int32_t width_mm, height_mm;
    int32_t scale;
    int32_t transform;
    char name[16];
};

/* A dmabuf that the client asked to import. */
struct compositor_import {
    struct list link;
    struct wl_resource *params;
    uint32_t width, height, format, flags, stride, offset;
    uint64_t modifier;
    unsigned n_planes;
};

struct compositor {
    struct compositor_config config;
    struct wl_display *display;
    struct wl_client *client;
    struct wl_listener client_gone;
    struct wl_protocol_logger *logger;
    unsigned n_messages;
    int client_fd; /* the client's end of the socket, until it takes it */
    struct loop *loop;
    struct loop_fd source;
    struct loop_prepare prepare;
    pthread_t thread;
    bool serving;
    struct wl_event_source *stop;
    int stop_fd;
    bool stopped;

    /* How it behaves; a test may change these at any time. */
    bool hold_configure; /* the first configure of a window waits for compositor_configure() */
    bool hold_releases;  /* replaced buffers stay with us until compositor_release_held() */
    bool hold_imports;   /* dmabufs wait for compositor_answer_imports() */
    bool fail_imports;
    uint32_t decoration_answer; /* the mode of decoration that the client gets; 0: what it wants */

    struct list surfaces; /* struct compositor_surface.link */
    struct list imports;  /* struct compositor_import.link: asked for and unanswered */
    struct compositor_import last_import;
    unsigned n_imports;
    struct compositor_held {
        struct wl_resource *buffer; /* NULL: the client destroyed it */
        struct wl_listener gone;
    } held[16];
    unsigned n_held;
    int drm_fd;            /* -1: no linux-drm-syncobj */
    struct list timelines; /* imported */
    struct compositor_point held_point[16];
    unsigned n_held_points;
    unsigned overtaken; /* commits with points on top of one whose fence was not signalled yet */
    struct compositor_seat seat[COMPOSITOR_SEATS];
    struct compositor_output output[COMPOSITOR_OUTPUTS];
    struct wl_resource *wm_base, *feedback;
    uint32_t serial, pong;
    unsigned n_activations, n_inhibitors;
    struct {
        struct compositor_seat *seat; /* each NULL or 0: not said */
        uint32_t serial;
        struct compositor_surface *surface;
    } asked;                 /* for the last activation token */
    unsigned live_callbacks; /* frame callbacks that the client waits for */
    uint32_t refresh_ns;     /* the period that repaints report */
};

/* Sets WAYLAND_SOCKET, so that the next wl_display_connect() of this process reaches it. */
struct compositor *compositor_create(struct loop *loop, const struct compositor_config *config);
/* Serves the client from a thread, until compositor_unserve(): then from the loop. */
void compositor_serve(struct compositor *c);
void compositor_unserve(struct compositor *c);
/* Serves the client from the loop, where it is no part of this process. */
void compositor_attend(struct compositor *c);
void compositor_destroy(struct compositor *c);

/* Stops reading what the client sends, and goes on. */
void compositor_freeze(struct compositor *c);
void compositor_thaw(struct compositor *c);
/* Hangs up. */
void compositor_hang_up(struct compositor *c);
/* Sends bytes that are no messages, or some that mean nothing. */
void compositor_garble(struct compositor *c, const void *bytes, size_t n);
/* Runs the loop until the client has handled all events sent so far, and its answers are here. */
void compositor_sync(struct compositor *c);

/* The n-th window, or NULL. */
struct compositor_surface *compositor_window(struct compositor *c, unsigned n);
/* The subsurface of a window that is above it, or NULL; and the one below, if it shows anything. */
struct compositor_surface *compositor_subsurface(struct compositor_surface *window);
struct compositor_surface *compositor_bars(struct compositor_surface *window);
/* states: xdg_toplevel states, ending with 0. */
void compositor_configure(struct compositor_surface *window, int32_t width, int32_t height,
                          const uint32_t *states);
/* Shows what was committed: sends all frame callbacks and presentation feedback. */
void compositor_repaint(struct compositor *c);
void compositor_repaint_surface(struct compositor_surface *surface);
/* Releases the buffer on screen already, as a compositor that copies shm does. */
void compositor_release_early(struct compositor_surface *surface);
void compositor_release_held(struct compositor *c);
/* Signals one of held_point, whose place stays empty. */
void compositor_signal_held(struct compositor *c, unsigned n);
void compositor_answer_imports(struct compositor *c);
/* Says what dmabufs are taken from now on (linux-dmabuf 4). */
void compositor_send_formats(struct compositor *c, const struct compositor_format *formats,
                             unsigned n);
void compositor_send_feedback(struct compositor *c, const struct compositor_feedback *feedback);
/* Says it of one surface; without a table, that of the last time counts. */
void compositor_send_surface_feedback(struct compositor_surface *surface,
                                      const struct compositor_feedback *feedback);
/* Whether the acquire point of what the surface shows is signalled; true without one. */
bool compositor_acquired(const struct compositor_surface *surface);

/* A monitor of that mode is plugged in, at the right of the others. */
struct compositor_output *compositor_output_add(struct compositor *c, int32_t width, int32_t height,
                                                int32_t refresh_mhz, int32_t scale);
/* Says again what it is: geometry, mode, scale, done. */
void compositor_output_changed(struct compositor_output *output);
/* It is unplugged. */
void compositor_output_remove(struct compositor_output *output);
void compositor_surface_enter(struct compositor_surface *surface, struct compositor_output *output);
void compositor_surface_leave(struct compositor_surface *surface, struct compositor_output *output);
/* wp_fractional_scale_v1.preferred_scale, in 120ths. Only where the client asked for it. */
void compositor_preferred_scale(struct compositor_surface *surface, uint32_t scale);

void compositor_capabilities(struct compositor_seat *seat, uint32_t capabilities);
void compositor_keyboard_enter(struct compositor_seat *seat, struct compositor_surface *surface,
                               const uint32_t *keys, unsigned n);
/* A tablet of the seat with a pad; and a tool, which the client keeps until it is removed. */
void compositor_plug_tablet(struct compositor_seat *seat);
struct wl_resource *compositor_bring_tool(struct compositor_seat *seat, uint32_t type,
                                          bool has_pressure);
/* XKB's masks: Shift 1, Lock 2, Control 4, Mod1 (Alt) 8, Mod2 (NumLock) 16, Mod4 (Super) 64. */
void compositor_modifiers(struct compositor_seat *seat, uint32_t depressed, uint32_t locked,
                          uint32_t group);
/* All three with the frame behind them. */
void compositor_pointer_enter(struct compositor_seat *seat, struct compositor_surface *surface,
                              double x, double y);
void compositor_pointer_leave(struct compositor_seat *seat, struct compositor_surface *surface);
void compositor_relative_motion(struct compositor_seat *seat, double dx, double dy, double dx_raw,
                                double dy_raw);
void compositor_key(struct compositor_seat *seat, uint32_t code, bool pressed);

#endif
