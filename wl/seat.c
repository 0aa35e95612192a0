// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/cursor.h"
#include "wl/seat.h"

/* 8: axis_value120 */
#define SEAT_VERSION 8

/* Of two seats, no two fingers have the same number. */
static int32_t first_finger(const struct wayl_seat *seat)
{
    return (int32_t)(seat->name % (INT32_MAX / WAYL_FINGERS) * WAYL_FINGERS);
}

static void seat_capabilities(void *data, struct wl_seat *wl, uint32_t capabilities)
{
    struct wayl_seat *seat = data;
    struct wayl_seats *seats = seat->seats;
    bool has_keyboard = capabilities & WL_SEAT_CAPABILITY_KEYBOARD;
    bool has_touch = capabilities & WL_SEAT_CAPABILITY_TOUCH;
    bool has_pointer = capabilities & WL_SEAT_CAPABILITY_POINTER;
    if (has_keyboard && !seat->keyboard.wl)
        wayl_keyboard_start(&seat->keyboard, seats, wl);
    else if (!has_keyboard)
        wayl_keyboard_stop(&seat->keyboard);
    if (has_pointer && !seat->pointer.wl)
        wayl_pointer_start(&seat->pointer, seats, wl);
    else if (!has_pointer)
        wayl_pointer_stop(&seat->pointer);
    if (has_touch && !seat->touch.wl)
        wayl_touch_start(&seat->touch, seats, wl, first_finger(seat));
    else if (!has_touch)
        wayl_touch_stop(&seat->touch);
}

static void seat_name(void *data, struct wl_seat *wl, const char *name)
{
}

static const struct wl_seat_listener seat_listener = {
    .capabilities = seat_capabilities,
    .name = seat_name,
};

static void seat_destroy(struct wayl_seats *seats, struct wayl_seat *seat)
{
    wayl_capture_end(seat);
    wayl_keyboard_stop(&seat->keyboard);
    wayl_pointer_stop(&seat->pointer);
    wayl_touch_stop(&seat->touch);
    wayl_tablets_stop(&seat->tablets);
    list_remove(&seat->link);
    seats->n--;
    if (seats->acted == seat)
        seats->acted = NULL;
    if (wl_seat_get_version(seat->wl) >= WL_SEAT_RELEASE_SINCE_VERSION)
        wl_seat_release(seat->wl);
    else
        wl_seat_destroy(seat->wl);
    free(seat);
}

void wayl_seats_init(struct wayl_seats *seats, const struct wayl_seats_ops *ops,
                     struct wayl_connection *conn, const struct wayl_seats_options *options,
                     struct input_sink *sink)
{
    *seats = (struct wayl_seats){ .ops = ops, .conn = conn, .options = *options };
    wayl_input_init(&seats->input, sink);
    list_init(&seats->list);
}

bool wayl_seats_global(struct wayl_seats *seats, struct wl_registry *registry, uint32_t name,
                       const char *interface, uint32_t version)
{
    if (strcmp(interface, wl_seat_interface.name) != 0)
        return false;
    if (seats->n == WAYL_SEATS_MAX) {
        log_warn("the compositor has more than %d seats; the others can't be used", WAYL_SEATS_MAX);
        return true;
    }
    struct wayl_seat *seat = calloc(1, sizeof(*seat));
    if (!seat)
        return true;
    *seat = (struct wayl_seat){
        .wl = wl_registry_bind(registry, name, &wl_seat_interface, MIN(version, SEAT_VERSION)),
        .name = name,
        .seats = seats,
        .capture = { .window = WAYL_NO_WINDOW },
        .keyboard = { .seats = seats, .window = WAYL_NO_WINDOW },
        .pointer = { .seats = seats, .window = WAYL_NO_WINDOW },
    };
    if (!seat->wl) {
        free(seat);
        return true;
    }
    wl_seat_add_listener(seat->wl, &seat_listener, seat);
    list_append(&seats->list, &seat->link);
    seats->n++;
    if (seats->started)
        wayl_tablets_start(&seat->tablets, seat);
    return true;
}

void wayl_seats_start(struct wayl_seats *seats)
{
    struct wayl_seat *seat;
    seats->started = true;
    list_for_each(seat, &seats->list, link)
        wayl_tablets_start(&seat->tablets, seat);
}

void wayl_seats_global_remove(struct wayl_seats *seats, uint32_t name)
{
    struct wayl_seat *seat, *tmp;
    list_for_each_safe(seat, tmp, &seats->list, link) {
        if (seat->name == name)
            seat_destroy(seats, seat);
    }
}

void wayl_seats_finish(struct wayl_seats *seats)
{
    while (!list_empty(&seats->list))
        seat_destroy(seats, list_first(&seats->list, struct wayl_seat, link));
}

void wayl_seat_acted(struct wayl_seat *seat, uint32_t serial)
{
    seat->seats->acted = seat;
    seat->seats->act_serial = serial;
}

struct wayl_act wayl_seats_last_act(const struct wayl_seats *seats)
{
    const struct wayl_seat *seat = seats->acted;
    if (!seat)
        return (struct wayl_act){ 0 };
    return (struct wayl_act){
        .seat = seat->wl,
        .serial = seats->act_serial,
        .surface = seat->keyboard.window != WAYL_NO_WINDOW ? seat->keyboard.surface : NULL,
    };
}

void wayl_seats_window_gone(struct wayl_seats *seats, unsigned scanout)
{
    struct wayl_seat *seat;
    list_for_each(seat, &seats->list, link) {
        if (seat->capture.window == (int)scanout)
            wayl_capture_end(seat);
        if (seat->keyboard.window == (int)scanout)
            wayl_keyboard_leave(&seat->keyboard);
        if (seat->pointer.window == (int)scanout)
            wayl_pointer_leave(&seat->pointer);
        if (seat->touch.wl)
            wayl_touch_lift(&seat->touch, (int)scanout);
        wayl_tablets_window_gone(&seat->tablets, scanout);
    }
}

void wayl_seats_cursor_changed(struct wayl_seats *seats, unsigned scanout)
{
    struct wayl_seat *seat;
    list_for_each(seat, &seats->list, link) {
        if (seat->capture.window == (int)scanout)
            wayl_capture_cursor_changed(seat);
        if (seat->pointer.wl && seat->pointer.window == (int)scanout)
            wayl_cursor_apply(seats->ops->cursor(seats, scanout), seat->pointer.wl,
                              seat->pointer.serial);
    }
}
