// SPDX-License-Identifier: MIT
#include <wayland-client.h>

#include "input/sink.h"
#include "vmm/base/util.h"
#include "wl/cursor.h"
#include "wl/layout.h"
#include "wl/seat.h"

static struct wayl_seat *seat_of(struct wayl_pointer *pointer)
{
    return container_of(pointer, struct wayl_seat, pointer);
}

static void end_frame(struct wayl_pointer *pointer)
{
    struct input_sink *sink = pointer->seats->input.sink;
    int32_t vertical = wayl_scroll_frame(&pointer->scroll[WL_POINTER_AXIS_VERTICAL_SCROLL]);
    int32_t horizontal = wayl_scroll_frame(&pointer->scroll[WL_POINTER_AXIS_HORIZONTAL_SCROLL]);
    if (pointer->window == WAYL_NO_WINDOW)
        return;
    if (vertical || horizontal) {
        sink->ops->wheel(sink, horizontal, vertical);
        pointer->dirty = true;
    }
    if (pointer->dirty)
        sink->ops->frame(sink);
    pointer->dirty = false;
}

/* Before version 5 each event is a frame of its own. */
static void event_end(struct wayl_pointer *pointer)
{
    if (!pointer->frames)
        end_frame(pointer);
}

static void move_to(struct wayl_pointer *pointer, wl_fixed_t surface_x, wl_fixed_t surface_y)
{
    struct wayl_seats *seats = pointer->seats;
    struct input_sink *sink = seats->input.sink;
    unsigned window = (unsigned)pointer->window;
    double x, y;
    wayl_layout_point(seats->ops->layout(seats, window), pointer->on_bars,
                      wl_fixed_to_double(surface_x), wl_fixed_to_double(surface_y), &x, &y);
    sink->ops->abs(sink, window, x, y);
    pointer->dirty = true;
}

void wayl_pointer_leave(struct wayl_pointer *pointer)
{
    if (pointer->window == WAYL_NO_WINDOW)
        return;
    unsigned window = (unsigned)pointer->window;
    if (seat_of(pointer)->capture.locked)
        wayl_capture_end(seat_of(pointer));
    end_frame(pointer);
    wayl_input_release_buttons(&pointer->seats->input, &pointer->held);
    pointer->window = WAYL_NO_WINDOW;
    wayl_input_leave(&pointer->seats->input, window);
}

static void pointer_enter(void *data, struct wl_pointer *wl, uint32_t serial,
                          struct wl_surface *surface, wl_fixed_t x, wl_fixed_t y)
{
    struct wayl_pointer *pointer = data;
    wayl_pointer_leave(pointer);
    pointer->window = pointer->seats->ops->window(pointer->seats, surface);
    if (pointer->window == WAYL_NO_WINDOW)
        return;
    wayl_seat_acted(seat_of(pointer), serial);
    pointer->surface = surface;
    pointer->on_bars =
        pointer->seats->ops->on_bars(pointer->seats, (unsigned)pointer->window, surface);
    pointer->serial = serial;
    wayl_input_enter(&pointer->seats->input, (unsigned)pointer->window);
    wayl_cursor_apply(pointer->seats->ops->cursor(pointer->seats, (unsigned)pointer->window), wl,
                      serial);
    move_to(pointer, x, y);
    event_end(pointer);
}

static void pointer_leave(void *data, struct wl_pointer *wl, uint32_t serial,
                          struct wl_surface *surface)
{
    wayl_pointer_leave(data);
}

static void pointer_motion(void *data, struct wl_pointer *wl, uint32_t time_ms, wl_fixed_t x,
                           wl_fixed_t y)
{
    struct wayl_pointer *pointer = data;
    if (pointer->window == WAYL_NO_WINDOW || seat_of(pointer)->capture.locked)
        return;
    struct wayl_cursor *cursor =
        pointer->seats->ops->cursor(pointer->seats, (unsigned)pointer->window);
    if (wayl_cursor_unfit(cursor))
        wayl_cursor_apply(cursor, wl, pointer->serial);
    move_to(pointer, x, y);
    event_end(pointer);
}

static void pointer_button(void *data, struct wl_pointer *wl, uint32_t serial, uint32_t time_ms,
                           uint32_t code, uint32_t state)
{
    struct wayl_pointer *pointer = data;
    if (pointer->window == WAYL_NO_WINDOW)
        return;
    wayl_seat_acted(seat_of(pointer), serial);
    bool pressed = state == WL_POINTER_BUTTON_STATE_PRESSED;
    if (wayl_input_button(&pointer->seats->input, &pointer->held, code, pressed))
        pointer->dirty = true;
    event_end(pointer);
    if (pressed)
        wayl_capture_click(seat_of(pointer));
}

void wayl_pointer_relative(struct wayl_pointer *pointer, double dx, double dy, double raw_dx,
                           double raw_dy)
{
    struct input_sink *sink = pointer->seats->input.sink;
    if (pointer->window == WAYL_NO_WINDOW)
        return;
    sink->ops->rel(sink, dx, dy, raw_dx, raw_dy);
    pointer->dirty = true;
    event_end(pointer);
}

static struct wayl_scroll *scroll_of(struct wayl_pointer *pointer, uint32_t axis)
{
    return axis < ARRAY_LEN(pointer->scroll) ? &pointer->scroll[axis] : NULL;
}

static void pointer_axis(void *data, struct wl_pointer *wl, uint32_t time_ms, uint32_t axis,
                         wl_fixed_t value)
{
    struct wayl_pointer *pointer = data;
    if (axis < ARRAY_LEN(pointer->scroll))
        wayl_scroll_distance(&pointer->scroll[axis], wl_fixed_to_double(value));
    event_end(pointer);
}

static void pointer_frame(void *data, struct wl_pointer *wl)
{
    end_frame(data);
}

static void pointer_axis_source(void *data, struct wl_pointer *wl, uint32_t source)
{
}

static void pointer_axis_stop(void *data, struct wl_pointer *wl, uint32_t time_ms, uint32_t axis)
{
    struct wayl_scroll *scroll = scroll_of(data, axis);
    if (scroll)
        wayl_scroll_stop(scroll);
}

static void pointer_axis_discrete(void *data, struct wl_pointer *wl, uint32_t axis, int32_t steps)
{
    struct wayl_scroll *scroll = scroll_of(data, axis);
    if (scroll)
        wayl_scroll_discrete(scroll, steps);
}

static void pointer_axis_value120(void *data, struct wl_pointer *wl, uint32_t axis, int32_t v120)
{
    struct wayl_scroll *scroll = scroll_of(data, axis);
    if (scroll)
        wayl_scroll_v120(scroll, v120);
}

#ifdef WL_POINTER_AXIS_RELATIVE_DIRECTION_SINCE_VERSION
static void pointer_axis_relative_direction(void *data, struct wl_pointer *wl, uint32_t axis,
                                            uint32_t direction)
{
}
#endif

static const struct wl_pointer_listener pointer_listener = {
    .enter = pointer_enter,
    .leave = pointer_leave,
    .motion = pointer_motion,
    .button = pointer_button,
    .axis = pointer_axis,
    .frame = pointer_frame,
    .axis_source = pointer_axis_source,
    .axis_stop = pointer_axis_stop,
    .axis_discrete = pointer_axis_discrete,
    .axis_value120 = pointer_axis_value120,
#ifdef WL_POINTER_AXIS_RELATIVE_DIRECTION_SINCE_VERSION
    .axis_relative_direction = pointer_axis_relative_direction,
#endif
};

void wayl_pointer_start(struct wayl_pointer *pointer, struct wayl_seats *seats,
                        struct wl_seat *seat)
{
    *pointer = (struct wayl_pointer){ .seats = seats,
                                      .wl = wl_seat_get_pointer(seat),
                                      .window = WAYL_NO_WINDOW };
    if (!pointer->wl)
        return;
    pointer->frames = wl_pointer_get_version(pointer->wl) >= WL_POINTER_FRAME_SINCE_VERSION;
    wl_pointer_add_listener(pointer->wl, &pointer_listener, pointer);
}

void wayl_pointer_stop(struct wayl_pointer *pointer)
{
    if (!pointer->wl)
        return;
    /* Also what waits for the pointer to come. */
    wayl_capture_end(seat_of(pointer));
    wayl_pointer_leave(pointer);
    if (wl_pointer_get_version(pointer->wl) >= WL_POINTER_RELEASE_SINCE_VERSION)
        wl_pointer_release(pointer->wl);
    else
        wl_pointer_destroy(pointer->wl);
    pointer->wl = NULL;
}
