// SPDX-License-Identifier: MIT
#include "wl/touch.h"

#include <wayland-client.h>

#include "input/sink.h"
#include "vmm/base/util.h"
#include "wl/layout.h"
#include "wl/seat.h"

static struct wayl_finger *find(struct wayl_touch *touch, int32_t id)
{
    for (unsigned i = 0; i < WAYL_FINGERS; i++) {
        if (touch->finger[i].window != WAYL_NO_WINDOW && touch->finger[i].id == id)
            return &touch->finger[i];
    }
    return NULL;
}

static struct wayl_finger *find_free(struct wayl_touch *touch)
{
    for (unsigned i = 0; i < WAYL_FINGERS; i++) {
        if (touch->finger[i].window == WAYL_NO_WINDOW)
            return &touch->finger[i];
    }
    return NULL;
}

static int32_t number_of(const struct wayl_touch *touch, const struct wayl_finger *finger)
{
    return touch->first + (int32_t)(finger - touch->finger);
}

static void place(const struct wayl_touch *touch, const struct wayl_finger *finger, wl_fixed_t sx,
                  wl_fixed_t sy, double *x, double *y)
{
    wayl_layout_point(touch->seats->ops->layout(touch->seats, (unsigned)finger->window),
                      finger->on_bars, wl_fixed_to_double(sx), wl_fixed_to_double(sy), x, y);
}

static void lift(struct wayl_touch *touch, struct wayl_finger *finger)
{
    struct input_sink *sink = touch->seats->input.sink;
    sink->ops->touch_up(sink, number_of(touch, finger));
    finger->window = WAYL_NO_WINDOW;
}

static void touch_down(void *data, struct wl_touch *wl, uint32_t serial, uint32_t time_ms,
                       struct wl_surface *surface, int32_t id, wl_fixed_t sx, wl_fixed_t sy)
{
    struct wayl_touch *touch = data;
    struct input_sink *sink = touch->seats->input.sink;
    int window = touch->seats->ops->window(touch->seats, surface);
    struct wayl_finger *finger = find_free(touch);
    double x, y;
    if (window == WAYL_NO_WINDOW || !finger || find(touch, id))
        return;
    wayl_seat_acted(container_of(touch, struct wayl_seat, touch), serial);
    *finger = (struct wayl_finger){
        .window = window,
        .on_bars = touch->seats->ops->on_bars(touch->seats, (unsigned)window, surface),
        .id = id,
    };
    place(touch, finger, sx, sy, &x, &y);
    sink->ops->touch_down(sink, number_of(touch, finger), (unsigned)window, x, y);
}

static void touch_up(void *data, struct wl_touch *wl, uint32_t serial, uint32_t time_ms, int32_t id)
{
    struct wayl_finger *finger = find(data, id);
    if (finger)
        lift(data, finger);
}

static void touch_motion(void *data, struct wl_touch *wl, uint32_t time_ms, int32_t id,
                         wl_fixed_t sx, wl_fixed_t sy)
{
    struct wayl_touch *touch = data;
    struct input_sink *sink = touch->seats->input.sink;
    struct wayl_finger *finger = find(touch, id);
    double x, y;
    if (!finger)
        return;
    place(touch, finger, sx, sy, &x, &y);
    sink->ops->touch_motion(sink, number_of(touch, finger), (unsigned)finger->window, x, y);
}

static void touch_frame(void *data, struct wl_touch *wl)
{
    struct wayl_touch *touch = data;
    struct input_sink *sink = touch->seats->input.sink;
    sink->ops->frame(sink);
}

/* The compositor took the fingers for a gesture of its own. */
static void touch_cancel(void *data, struct wl_touch *wl)
{
    wayl_touch_lift(data, WAYL_NO_WINDOW);
}

static void touch_shape(void *data, struct wl_touch *wl, int32_t id, wl_fixed_t major,
                        wl_fixed_t minor)
{
}

static void touch_orientation(void *data, struct wl_touch *wl, int32_t id, wl_fixed_t orientation)
{
}

static const struct wl_touch_listener touch_listener = {
    .down = touch_down,
    .up = touch_up,
    .motion = touch_motion,
    .frame = touch_frame,
    .cancel = touch_cancel,
    .shape = touch_shape,
    .orientation = touch_orientation,
};

void wayl_touch_lift(struct wayl_touch *touch, int window)
{
    struct input_sink *sink = touch->seats->input.sink;
    bool any = false;
    for (unsigned i = 0; i < WAYL_FINGERS; i++) {
        struct wayl_finger *finger = &touch->finger[i];
        if (finger->window == WAYL_NO_WINDOW ||
            (window != WAYL_NO_WINDOW && finger->window != window))
            continue;
        lift(touch, finger);
        any = true;
    }
    if (any)
        sink->ops->frame(sink);
}

void wayl_touch_start(struct wayl_touch *touch, struct wayl_seats *seats, struct wl_seat *seat,
                      int32_t first)
{
    *touch = (struct wayl_touch){ .seats = seats, .wl = wl_seat_get_touch(seat), .first = first };
    for (unsigned i = 0; i < WAYL_FINGERS; i++)
        touch->finger[i].window = WAYL_NO_WINDOW;
    if (touch->wl)
        wl_touch_add_listener(touch->wl, &touch_listener, touch);
}

void wayl_touch_stop(struct wayl_touch *touch)
{
    if (!touch->wl)
        return;
    wayl_touch_lift(touch, WAYL_NO_WINDOW);
    if (wl_touch_get_version(touch->wl) >= WL_TOUCH_RELEASE_SINCE_VERSION)
        wl_touch_release(touch->wl);
    else
        wl_touch_destroy(touch->wl);
    touch->wl = NULL;
}
