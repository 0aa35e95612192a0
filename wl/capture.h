/* SPDX-License-Identifier: MIT */
/*
 * What a seat gives to the guest beyond what any window gets, by a hotkey: its pointer, locked in place
 * and told by its motion, or confined to the window; and the compositor's keyboard shortcuts. The same
 * hotkey ends it, as do the loss of the keyboard's focus, the compositor that unlocks the pointer, and
 * whatever takes seat, pointer or window away. Optionally a click begins it, without the shortcuts, where
 * the guest has hidden its cursor; then the guest ends it by showing one.
 *
 * Nothing is captured before the compositor says so; the title says it as long as something is.
 */
#ifndef VITRINE_WL_CAPTURE_H
#define VITRINE_WL_CAPTURE_H

#include <stdbool.h>

struct wayl_seat;
struct wl_surface;

struct wayl_capture {
    int window;                 /* WAYL_NO_WINDOW: nothing is asked for */
    struct wl_surface *surface; /* the window's that the pointer is constrained to */
    bool by_click;
    /* What is asked for, or NULL; and whether the compositor grants it now. */
    struct zwp_locked_pointer_v1 *lock;
    struct zwp_relative_pointer_v1 *relative;
    struct zwp_confined_pointer_v1 *confinement;
    struct zwp_keyboard_shortcuts_inhibitor_v1 *inhibitor;
    bool locked, confined, inhibited;
};

/* The hotkey, in the window that the seat's keyboard is in. */
void wayl_capture_toggle(struct wayl_seat *seat);
/* A button was pressed over a window. */
void wayl_capture_click(struct wayl_seat *seat);
/* The guest has changed its cursor. */
void wayl_capture_cursor_changed(struct wayl_seat *seat);
/* Ends it, if it has begun. Before the pointer, the seat or the window go. */
void wayl_capture_end(struct wayl_seat *seat);

#endif
