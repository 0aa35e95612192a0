// SPDX-License-Identifier: MIT
#include "wl/capture.h"

#include <stdio.h>
#include <wayland-client.h>

#include "keyboard-shortcuts-inhibit-v1-client.h"
#include "pointer-constraints-v1-client.h"
#include "relative-pointer-v1-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/cursor.h"
#include "wl/seat.h"
#include "wl/window.h"

static struct wayl_window *window_of(struct wayl_seat *seat)
{
    return seat->seats->ops->get(seat->seats, (unsigned)seat->capture.window);
}

static struct wayl_cursor *cursor_of(struct wayl_seat *seat)
{
    return seat->seats->ops->cursor(seat->seats, (unsigned)seat->capture.window);
}

/* What the title says: another seat may have captured the same window. */
static void show_hint(struct wayl_seats *seats, unsigned window)
{
    bool pointer = false, keyboard = false;
    struct wayl_seat *seat;
    list_for_each(seat, &seats->list, link) {
        if (seat->capture.window != (int)window)
            continue;
        pointer |= seat->capture.locked || seat->capture.confined;
        keyboard |= seat->capture.inhibited;
    }
    char hint[128];
    snprintf(hint, sizeof(hint), "%s releases the %s", seats->options.hotkey.label,
             pointer ? "pointer" : "keyboard");
    wayl_window_set_hint(seats->ops->get(seats, window), pointer || keyboard ? hint : NULL);
}

static void set_locked(struct wayl_seat *seat, bool locked)
{
    struct wayl_capture *capture = &seat->capture;
    if (capture->locked == locked)
        return;
    capture->locked = locked;
    bool changed =
        locked ? wayl_cursor_detach(cursor_of(seat)) : wayl_cursor_attach(cursor_of(seat));
    if (changed)
        wayl_seats_cursor_changed(seat->seats, (unsigned)capture->window);
    wayl_input_locked(&seat->seats->input, locked);
    show_hint(seat->seats, (unsigned)capture->window);
}

static void set_confined(struct wayl_seat *seat, bool confined)
{
    seat->capture.confined = confined;
    show_hint(seat->seats, (unsigned)seat->capture.window);
}

static void set_inhibited(struct wayl_seat *seat, bool inhibited)
{
    if (seat->capture.inhibited == inhibited)
        return;
    seat->capture.inhibited = inhibited;
    wayl_input_inhibited(&seat->seats->input, inhibited);
    show_hint(seat->seats, (unsigned)seat->capture.window);
}

static void pointer_locked(void *data, struct zwp_locked_pointer_v1 *lock)
{
    set_locked(data, true);
}

/* A lock is for once: this one never comes back. */
static void pointer_unlocked(void *data, struct zwp_locked_pointer_v1 *lock)
{
    wayl_capture_end(data);
}

static const struct zwp_locked_pointer_v1_listener lock_listener = {
    .locked = pointer_locked,
    .unlocked = pointer_unlocked,
};

static void pointer_confined(void *data, struct zwp_confined_pointer_v1 *confinement)
{
    set_confined(data, true);
}

static void pointer_unconfined(void *data, struct zwp_confined_pointer_v1 *confinement)
{
    wayl_capture_end(data);
}

static const struct zwp_confined_pointer_v1_listener confinement_listener = {
    .confined = pointer_confined,
    .unconfined = pointer_unconfined,
};

static void relative_motion(void *data, struct zwp_relative_pointer_v1 *relative, uint32_t time_hi,
                            uint32_t time_lo, wl_fixed_t dx, wl_fixed_t dy, wl_fixed_t raw_dx,
                            wl_fixed_t raw_dy)
{
    struct wayl_seat *seat = data;
    if (seat->capture.locked)
        wayl_pointer_relative(&seat->pointer, wl_fixed_to_double(dx), wl_fixed_to_double(dy),
                              wl_fixed_to_double(raw_dx), wl_fixed_to_double(raw_dy));
}

static const struct zwp_relative_pointer_v1_listener relative_listener = {
    .relative_motion = relative_motion,
};

static void inhibitor_active(void *data, struct zwp_keyboard_shortcuts_inhibitor_v1 *inhibitor)
{
    set_inhibited(data, true);
}

/* The user took the shortcuts back by the compositor's own means. */
static void inhibitor_inactive(void *data, struct zwp_keyboard_shortcuts_inhibitor_v1 *inhibitor)
{
    struct wayl_seat *seat = data;
    if (seat->capture.locked || seat->capture.confined)
        set_inhibited(seat, false);
    else
        wayl_capture_end(seat);
}

static const struct zwp_keyboard_shortcuts_inhibitor_v1_listener inhibitor_listener = {
    .active = inhibitor_active,
    .inactive = inhibitor_inactive,
};

static void ask_lock(struct wayl_seat *seat, const struct wayl_connection *conn)
{
    struct wayl_capture *capture = &seat->capture;
    if (!conn->relative_pointer)
        return; /* a pointer that stands still and tells nothing is of no use */
    capture->relative = zwp_relative_pointer_manager_v1_get_relative_pointer(conn->relative_pointer,
                                                                             seat->pointer.wl);
    capture->lock = zwp_pointer_constraints_v1_lock_pointer(
        conn->pointer_constraints, capture->surface, seat->pointer.wl, NULL,
        ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_ONESHOT);
    if (capture->relative)
        zwp_relative_pointer_v1_add_listener(capture->relative, &relative_listener, seat);
    if (capture->lock)
        zwp_locked_pointer_v1_add_listener(capture->lock, &lock_listener, seat);
}

static void ask_confinement(struct wayl_seat *seat, const struct wayl_connection *conn)
{
    struct wayl_capture *capture = &seat->capture;
    capture->confinement = zwp_pointer_constraints_v1_confine_pointer(
        conn->pointer_constraints, capture->surface, seat->pointer.wl, NULL,
        ZWP_POINTER_CONSTRAINTS_V1_LIFETIME_ONESHOT);
    if (capture->confinement)
        zwp_confined_pointer_v1_add_listener(capture->confinement, &confinement_listener, seat);
}

static void ask_shortcuts(struct wayl_seat *seat, const struct wayl_connection *conn)
{
    struct wayl_capture *capture = &seat->capture;
    if (!conn->shortcuts_inhibit)
        return;
    capture->inhibitor = zwp_keyboard_shortcuts_inhibit_manager_v1_inhibit_shortcuts(
        conn->shortcuts_inhibit, seat->keyboard.surface, seat->wl);
    if (capture->inhibitor)
        zwp_keyboard_shortcuts_inhibitor_v1_add_listener(capture->inhibitor, &inhibitor_listener,
                                                         seat);
}

static void begin(struct wayl_seat *seat, int window, bool by_click)
{
    struct wayl_capture *capture = &seat->capture;
    const struct wayl_seats *seats = seat->seats;
    const struct wayl_connection *conn = seats->conn;
    *capture = (struct wayl_capture){ .window = window, .by_click = by_click };
    /* The lock begins when the pointer is on that very surface. */
    capture->surface =
        seat->pointer.window == window ? seat->pointer.surface : window_of(seat)->surface;
    if (seat->pointer.wl && conn->pointer_constraints && capture->surface) {
        if (seats->options.confine && !by_click)
            ask_confinement(seat, conn);
        else
            ask_lock(seat, conn);
    }
    if (!by_click)
        ask_shortcuts(seat, conn);
    if (capture->lock || capture->confinement || capture->inhibitor)
        return;
    wayl_capture_end(seat);
    log_warn("the compositor lets no window take the pointer or its shortcuts");
}

void wayl_capture_toggle(struct wayl_seat *seat)
{
    if (seat->capture.window != WAYL_NO_WINDOW)
        wayl_capture_end(seat);
    else if (seat->keyboard.window != WAYL_NO_WINDOW)
        begin(seat, seat->keyboard.window, false);
}

void wayl_capture_click(struct wayl_seat *seat)
{
    const struct wayl_seats *seats = seat->seats;
    const struct wayl_pointer *pointer = &seat->pointer;
    if (!seats->options.lock_on_click || seat->capture.window != WAYL_NO_WINDOW ||
        seat->keyboard.window != pointer->window || !seats->conn->pointer_constraints ||
        !seats->conn->relative_pointer)
        return; /* without the keyboard's focus, there would be no hotkey to end it */
    const struct wayl_cursor *cursor = seats->ops->cursor(seat->seats, (unsigned)pointer->window);
    if (cursor->seen && cursor->state == WAYL_CURSOR_HIDDEN)
        begin(seat, pointer->window, true);
}

void wayl_capture_cursor_changed(struct wayl_seat *seat)
{
    if (seat->capture.window != WAYL_NO_WINDOW && seat->capture.by_click &&
        cursor_of(seat)->state == WAYL_CURSOR_SHOWN)
        wayl_capture_end(seat);
}

/* Where the guest's pointer is, the host's goes on. */
static void hint_place(struct wayl_seat *seat)
{
    struct wayl_window *window = window_of(seat);
    double x, y;
    if (cursor_of(seat)->state != WAYL_CURSOR_SHOWN || seat->capture.surface != window->surface ||
        !window->surface)
        return;
    wayl_cursor_hotspot(cursor_of(seat), &x, &y);
    zwp_locked_pointer_v1_set_cursor_position_hint(seat->capture.lock,
                                                   wl_fixed_from_double(MAX(0, MIN(x, 16384))),
                                                   wl_fixed_from_double(MAX(0, MIN(y, 16384))));
    wl_surface_commit(window->surface);
}

void wayl_capture_end(struct wayl_seat *seat)
{
    struct wayl_capture *capture = &seat->capture;
    if (capture->window == WAYL_NO_WINDOW)
        return;
    capture->by_click = false; /* the cursor's change is no reason any more */
    if (capture->locked)
        hint_place(seat);
    if (capture->lock)
        zwp_locked_pointer_v1_destroy(capture->lock);
    if (capture->relative)
        zwp_relative_pointer_v1_destroy(capture->relative);
    if (capture->confinement)
        zwp_confined_pointer_v1_destroy(capture->confinement);
    if (capture->inhibitor)
        zwp_keyboard_shortcuts_inhibitor_v1_destroy(capture->inhibitor);
    set_locked(seat, false);
    set_confined(seat, false);
    set_inhibited(seat, false);
    *capture = (struct wayl_capture){ .window = WAYL_NO_WINDOW };
}
