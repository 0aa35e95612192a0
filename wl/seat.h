/* SPDX-License-Identifier: MIT */
/*
 * The compositor's seats: their keyboards (keyboard.c), pointers (pointer.c), touchscreens (touch.c) and
 * tablets (tablet.c), as far as they are over our windows, on their way to the input sink (input.c).
 *
 * What is held when a keyboard or pointer leaves, or goes away, is released. Of the keys that are held
 * when the keyboard comes, the guest is told the modifiers; the others were meant for someone else,
 * and their release is not told either.
 */
#ifndef VITRINE_WL_SEAT_H
#define VITRINE_WL_SEAT_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"
#include "wl/capture.h"
#include "wl/hotkey.h"
#include "wl/input.h"
#include "wl/keymap.h"
#include "wl/locks.h"
#include "wl/scroll.h"
#include "wl/tablet.h"
#include "wl/touch.h"

struct wayl_connection;
struct wayl_cursor;
struct wayl_layout;
struct wayl_seats;
struct wayl_window;
struct wl_registry;
struct wl_seat;
struct wl_surface;

#define WAYL_SEATS_MAX 16
#define WAYL_NO_WINDOW (-1)

struct wayl_seats_ops {
    /* The scanout whose window has this surface, or WAYL_NO_WINDOW. The surface may be NULL. */
    int (*window)(struct wayl_seats *seats, struct wl_surface *surface);
    /* Whether that surface of the window's is what is beside the picture (wl/bars.h), on which places
     * count from the window's corner. */
    bool (*on_bars)(struct wayl_seats *seats, unsigned scanout, struct wl_surface *surface);
    const struct wayl_layout *(*layout)(struct wayl_seats *seats, unsigned scanout);
    struct wayl_window *(*get)(struct wayl_seats *seats, unsigned scanout);
    struct wayl_cursor *(*cursor)(struct wayl_seats *seats, unsigned scanout);
};

struct wayl_seats_options {
    struct wayl_hotkey hotkey;
    struct wayl_hotkey fullscreen; /* makes the focused window fullscreen, and not */
    struct wayl_hotkey maximize;   /* likewise */
    bool confine;       /* the hotkey confines the pointer to the window instead of locking it */
    bool lock_on_click; /* a click locks it where the guest has hidden its cursor */
};

/* The last that the user did in one of our windows: by that, a compositor judges what we ask for. */
struct wayl_act {
    struct wl_seat *seat; /* NULL: nothing yet, or that seat is gone */
    uint32_t serial;      /* of the event that told us */
    struct wl_surface
        *surface; /* the window's that has the seat's keyboard now; NULL: none of ours */
};

struct wayl_seats {
    const struct wayl_seats_ops *ops;
    struct wayl_connection *conn;
    struct wayl_seats_options options;
    struct wayl_input input;
    struct list list; /* struct wayl_seat.link */
    unsigned n;
    bool started;            /* all of the compositor's globals are known */
    struct wayl_seat *acted; /* the one that was heard last, or NULL */
    uint32_t act_serial;     /* of what it said */
    struct wayl_locks locks;
    struct wayl_pen *pen; /* the guest's; NULL: none is near */
};

struct wayl_keyboard {
    struct wayl_seats *seats;
    struct wl_keyboard *wl;     /* NULL: none */
    int window;                 /* the focused one's scanout, or WAYL_NO_WINDOW */
    struct wl_surface *surface; /* of that window */
    bool entered;               /* and the modifiers behind the enter have not come yet */
    struct wayl_keymap keymap;
    struct wayl_keys held;
};

struct wayl_pointer {
    struct wayl_seats *seats;
    struct wl_pointer *wl;      /* NULL: none */
    int window;                 /* the one that it is over, or WAYL_NO_WINDOW */
    struct wl_surface *surface; /* of that window */
    bool on_bars;               /* which is not the picture's */
    uint32_t serial;            /* of its enter */
    bool frames;                /* the seat's version has wl_pointer.frame */
    bool dirty;                 /* the frame under way has something in it */
    struct wayl_keys held;
    struct wayl_scroll scroll[2]; /* by enum wl_pointer_axis: vertical, horizontal */
};

struct wayl_seat {
    struct list link;
    struct wayl_seats *seats;
    struct wl_seat *wl;
    uint32_t name;
    struct wayl_capture capture;
    struct wayl_keyboard keyboard;
    struct wayl_pointer pointer;
    struct wayl_touch touch;
    struct wayl_tablets tablets;
};

void wayl_seats_init(struct wayl_seats *seats, const struct wayl_seats_ops *ops,
                     struct wayl_connection *conn, const struct wayl_seats_options *options,
                     struct input_sink *sink);
/* Takes a global that is a wl_seat; false where it is something else. */
bool wayl_seats_global(struct wayl_seats *seats, struct wl_registry *registry, uint32_t name,
                       const char *interface, uint32_t version);
/* All of the compositor's globals are known. */
void wayl_seats_start(struct wayl_seats *seats);
void wayl_seats_global_remove(struct wayl_seats *seats, uint32_t name);
/* Releases all that is held. Before the windows go and the connection is closed. */
void wayl_seats_finish(struct wayl_seats *seats);
/* The window goes: what is over it or in it leaves. */
void wayl_seats_window_gone(struct wayl_seats *seats, unsigned scanout);
/* A window's cursor has a new image, or is shown in another way. */
void wayl_seats_cursor_changed(struct wayl_seats *seats, unsigned scanout);

struct wayl_act wayl_seats_last_act(const struct wayl_seats *seats);

/* An event of the user's with that serial: a device enters a window, or a key, button or finger moves there. */
void wayl_seat_acted(struct wayl_seat *seat, uint32_t serial);

/* A seat gained or lost the device. */
void wayl_keyboard_start(struct wayl_keyboard *keyboard, struct wayl_seats *seats,
                         struct wl_seat *seat);
void wayl_keyboard_stop(struct wayl_keyboard *keyboard);
void wayl_keyboard_leave(struct wayl_keyboard *keyboard);
void wayl_pointer_start(struct wayl_pointer *pointer, struct wayl_seats *seats,
                        struct wl_seat *seat);
void wayl_pointer_stop(struct wayl_pointer *pointer);
void wayl_pointer_leave(struct wayl_pointer *pointer);
/* The locked pointer would have moved; a part of the frame under way. */
void wayl_pointer_relative(struct wayl_pointer *pointer, double dx, double dy, double raw_dx,
                           double raw_dy);

#endif
