// SPDX-License-Identifier: MIT
#include "wl/tablet.h"

#include <stdlib.h>
#include <wayland-client.h>

#include "tablet-v2-client.h"
#include "wl/connection.h"
#include "wl/cursor.h"
#include "wl/layout.h"
#include "wl/seat.h"

struct wayl_tablet {
    struct list link;
    struct zwp_tablet_v2 *wl;
};

struct wayl_pen {
    struct list link;
    struct wayl_tablets *tablets;
    struct zwp_tablet_tool_v2 *wl;
    bool eraser, has_pressure;
    bool on_bars;           /* of the window (struct wayl_pointer) */
    int window;             /* WAYL_NO_WINDOW: not near, or not the guest's pen */
    bool dirty;             /* of the state, something is not told yet */
    bool placed, told;      /* where it is is known; that it is near was told */
    struct input_tool tool; /* the state */
};

static struct input_sink *sink_of(const struct wayl_pen *pen)
{
    return pen->tablets->seat->seats->input.sink;
}

static void tell(struct wayl_pen *pen)
{
    struct input_sink *sink = sink_of(pen);
    if (!pen->dirty || !pen->placed)
        return;
    sink->ops->tool(sink, &pen->tool);
    pen->told = true;
    pen->dirty = false;
}

static void detach(struct wayl_pen *pen, bool on)
{
    struct wayl_seats *seats = pen->tablets->seat->seats;
    struct wayl_cursor *cursor = seats->ops->cursor(seats, (unsigned)pen->window);
    if (on ? wayl_cursor_detach(cursor) : wayl_cursor_attach(cursor))
        wayl_seats_cursor_changed(seats, (unsigned)pen->window);
}

static void leave(struct wayl_pen *pen)
{
    struct input_sink *sink = sink_of(pen);
    if (pen->window == WAYL_NO_WINDOW)
        return;
    if (pen->told) {
        pen->tool = (struct input_tool){ .near = false };
        pen->dirty = true;
        tell(pen);
        sink->ops->frame(sink);
    }
    detach(pen, false);
    pen->window = WAYL_NO_WINDOW;
    pen->tablets->seat->seats->pen = NULL;
}

/* What the tool is; comes once. */

static void pen_type(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t type)
{
    struct wayl_pen *pen = data;
    pen->eraser = type == ZWP_TABLET_TOOL_V2_TYPE_ERASER;
}

static void pen_serial(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t hi, uint32_t lo)
{
}

static void pen_id(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t hi, uint32_t lo)
{
}

static void pen_capability(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t capability)
{
    struct wayl_pen *pen = data;
    pen->has_pressure |= capability == ZWP_TABLET_TOOL_V2_CAPABILITY_PRESSURE;
}

static void pen_done(void *data, struct zwp_tablet_tool_v2 *wl)
{
}

static void pen_destroy(struct wayl_pen *pen)
{
    leave(pen);
    zwp_tablet_tool_v2_destroy(pen->wl);
    list_remove(&pen->link);
    free(pen);
}

static void pen_removed(void *data, struct zwp_tablet_tool_v2 *wl)
{
    pen_destroy(data);
}

/* What it does. */

static void pen_proximity_in(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t serial,
                             struct zwp_tablet_v2 *tablet, struct wl_surface *surface)
{
    struct wayl_pen *pen = data;
    struct wayl_seats *seats = pen->tablets->seat->seats;
    leave(pen);
    int window = seats->ops->window(seats, surface);
    if (window == WAYL_NO_WINDOW || seats->pen)
        return;
    seats->pen = pen;
    pen->window = window;
    pen->dirty = pen->placed = pen->told = false;
    pen->on_bars = seats->ops->on_bars(seats, (unsigned)window, surface);
    pen->tool = (struct input_tool){
        .near = true,
        .eraser = pen->eraser,
        .scanout = (unsigned)window,
    };
    zwp_tablet_tool_v2_set_cursor(wl, serial, NULL, 0, 0);
    detach(pen, true);
}

static void pen_proximity_out(void *data, struct zwp_tablet_tool_v2 *wl)
{
    leave(data);
}

static void set_touching(struct wayl_pen *pen, bool touching)
{
    pen->tool.touching = touching;
    if (!pen->has_pressure)
        pen->tool.pressure = touching ? 1 : 0;
    pen->dirty = true;
}

static void pen_down(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t serial)
{
    set_touching(data, true);
}

static void pen_up(void *data, struct zwp_tablet_tool_v2 *wl)
{
    set_touching(data, false);
}

static void pen_motion(void *data, struct zwp_tablet_tool_v2 *wl, wl_fixed_t sx, wl_fixed_t sy)
{
    struct wayl_pen *pen = data;
    struct wayl_seats *seats = pen->tablets->seat->seats;
    if (pen->window == WAYL_NO_WINDOW)
        return;
    wayl_layout_point(seats->ops->layout(seats, (unsigned)pen->window), pen->on_bars,
                      wl_fixed_to_double(sx), wl_fixed_to_double(sy), &pen->tool.x, &pen->tool.y);
    pen->dirty = pen->placed = true;
}

/* 0 to 65535, as the distance is. */
static void pen_pressure(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t pressure)
{
    struct wayl_pen *pen = data;
    pen->tool.pressure = pressure / 65535.0;
    pen->dirty = true;
}

static void pen_distance(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t distance)
{
    struct wayl_pen *pen = data;
    pen->tool.distance = distance / 65535.0;
    pen->dirty = true;
}

static void pen_tilt(void *data, struct zwp_tablet_tool_v2 *wl, wl_fixed_t tilt_x,
                     wl_fixed_t tilt_y)
{
    struct wayl_pen *pen = data;
    pen->tool.tilt_x = wl_fixed_to_double(tilt_x);
    pen->tool.tilt_y = wl_fixed_to_double(tilt_y);
    pen->dirty = true;
}

/* The guest's pen has none of these. */

static void pen_rotation(void *data, struct zwp_tablet_tool_v2 *wl, wl_fixed_t degrees)
{
}

static void pen_slider(void *data, struct zwp_tablet_tool_v2 *wl, int32_t position)
{
}

static void pen_wheel(void *data, struct zwp_tablet_tool_v2 *wl, wl_fixed_t degrees, int32_t clicks)
{
}

static void pen_button(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t serial, uint32_t button,
                       uint32_t state)
{
    struct wayl_pen *pen = data;
    struct input_sink *sink = sink_of(pen);
    if (pen->window == WAYL_NO_WINDOW)
        return;
    tell(pen); /* a button is pressed where the pen is */
    if (pen->told)
        sink->ops->tool_button(sink, button, state == ZWP_TABLET_TOOL_V2_BUTTON_STATE_PRESSED);
}

static void pen_frame(void *data, struct zwp_tablet_tool_v2 *wl, uint32_t time_ms)
{
    struct wayl_pen *pen = data;
    struct input_sink *sink = sink_of(pen);
    if (pen->window == WAYL_NO_WINDOW)
        return;
    tell(pen);
    sink->ops->frame(sink);
}

static const struct zwp_tablet_tool_v2_listener pen_listener = {
    .type = pen_type,
    .hardware_serial = pen_serial,
    .hardware_id_wacom = pen_id,
    .capability = pen_capability,
    .done = pen_done,
    .removed = pen_removed,
    .proximity_in = pen_proximity_in,
    .proximity_out = pen_proximity_out,
    .down = pen_down,
    .up = pen_up,
    .motion = pen_motion,
    .pressure = pen_pressure,
    .distance = pen_distance,
    .tilt = pen_tilt,
    .rotation = pen_rotation,
    .slider = pen_slider,
    .wheel = pen_wheel,
    .button = pen_button,
    .frame = pen_frame,
};

/* The tablets: of no interest, but a compositor tells pens only over one that we keep. */

static void tablet_name(void *data, struct zwp_tablet_v2 *wl, const char *name)
{
}

static void tablet_id(void *data, struct zwp_tablet_v2 *wl, uint32_t vendor, uint32_t product)
{
}

static void tablet_path(void *data, struct zwp_tablet_v2 *wl, const char *path)
{
}

static void tablet_done(void *data, struct zwp_tablet_v2 *wl)
{
}

static void tablet_destroy(struct wayl_tablet *tablet)
{
    zwp_tablet_v2_destroy(tablet->wl);
    list_remove(&tablet->link);
    free(tablet);
}

static void tablet_removed(void *data, struct zwp_tablet_v2 *wl)
{
    tablet_destroy(data);
}

#ifdef ZWP_TABLET_V2_BUSTYPE_SINCE_VERSION
static void tablet_bustype(void *data, struct zwp_tablet_v2 *wl, uint32_t bustype)
{
}
#endif

static const struct zwp_tablet_v2_listener tablet_listener = {
    .name = tablet_name,
    .id = tablet_id,
    .path = tablet_path,
    .done = tablet_done,
    .removed = tablet_removed,
#ifdef ZWP_TABLET_V2_BUSTYPE_SINCE_VERSION
    .bustype = tablet_bustype,
#endif
};

static void seat_tablet_added(void *data, struct zwp_tablet_seat_v2 *wl,
                              struct zwp_tablet_v2 *added)
{
    struct wayl_tablets *tablets = data;
    struct wayl_tablet *tablet = calloc(1, sizeof(*tablet));
    if (!tablet) {
        zwp_tablet_v2_destroy(added);
        return;
    }
    tablet->wl = added;
    list_append(&tablets->tablets, &tablet->link);
    zwp_tablet_v2_add_listener(added, &tablet_listener, tablet);
}

static void seat_tool_added(void *data, struct zwp_tablet_seat_v2 *wl,
                            struct zwp_tablet_tool_v2 *added)
{
    struct wayl_tablets *tablets = data;
    struct wayl_pen *pen = calloc(1, sizeof(*pen));
    if (!pen) {
        zwp_tablet_tool_v2_destroy(added);
        return;
    }
    *pen = (struct wayl_pen){ .tablets = tablets, .wl = added, .window = WAYL_NO_WINDOW };
    list_append(&tablets->pens, &pen->link);
    zwp_tablet_tool_v2_add_listener(added, &pen_listener, pen);
}

static void seat_pad_added(void *data, struct zwp_tablet_seat_v2 *wl,
                           struct zwp_tablet_pad_v2 *added)
{
    zwp_tablet_pad_v2_destroy(added);
}

static const struct zwp_tablet_seat_v2_listener seat_listener = {
    .tablet_added = seat_tablet_added,
    .tool_added = seat_tool_added,
    .pad_added = seat_pad_added,
};

void wayl_tablets_start(struct wayl_tablets *tablets, struct wayl_seat *seat)
{
    struct zwp_tablet_manager_v2 *manager = seat->seats->conn->tablets;
    *tablets = (struct wayl_tablets){ .seat = seat };
    list_init(&tablets->tablets);
    list_init(&tablets->pens);
    if (!manager)
        return;
    tablets->wl = zwp_tablet_manager_v2_get_tablet_seat(manager, seat->wl);
    if (tablets->wl)
        zwp_tablet_seat_v2_add_listener(tablets->wl, &seat_listener, tablets);
}

void wayl_tablets_stop(struct wayl_tablets *tablets)
{
    if (!tablets->wl)
        return;
    while (!list_empty(&tablets->pens))
        pen_destroy(list_first(&tablets->pens, struct wayl_pen, link));
    while (!list_empty(&tablets->tablets))
        tablet_destroy(list_first(&tablets->tablets, struct wayl_tablet, link));
    zwp_tablet_seat_v2_destroy(tablets->wl);
    tablets->wl = NULL;
}

bool wayl_tablets_any(const struct wayl_tablets *tablets)
{
    return tablets->wl && !list_empty(&tablets->tablets);
}

void wayl_tablets_window_gone(struct wayl_tablets *tablets, unsigned scanout)
{
    struct wayl_pen *pen;
    if (!tablets->wl)
        return;
    list_for_each(pen, &tablets->pens, link) {
        if (pen->window == (int)scanout)
            leave(pen);
    }
}
