// SPDX-License-Identifier: MIT
/* libinput's events as the sink's. Gestures but scrolling have no device of the guest's to go to, and switches
 * are the host's; both are left out. */
#include <libinput.h>

#include "input/sources_internal.h"
#include "vmm/base/util.h"

/* libinput tells a finger's scrolling in about the units of its motion; a detent is 15 degrees, and
 * desktops scroll by as much for 15 such units. */
#define UNITS_PER_DETENT 15.0

static void send_key(struct source *source, uint32_t code, bool pressed)
{
    struct input_sink *sink = &source->gate.sink;
    if (code >= KEY_CNT)
        return;
    uint8_t *holders = &source->holders[code];
    if (pressed ? (*holders)++ > 0 : *holders == 0 || --*holders > 0)
        return;
    if (code >= BTN_MOUSE && code < BTN_JOYSTICK)
        sink->ops->button(sink, code, pressed);
    else
        sink->ops->key(sink, code, pressed);
}

static void send_motion(struct source *source, struct libinput_event *event)
{
    struct input_sink *sink = &source->gate.sink;
    struct libinput_event_pointer *e = libinput_event_get_pointer_event(event);
    const struct source_device *device =
        libinput_device_get_user_data(libinput_event_get_device(event));
    double dx = libinput_event_pointer_get_dx(e), dy = libinput_event_pointer_get_dy(e);
    /* A touchpad's own units are no mouse's: the guest, which takes us for one, could not use them. */
    if (device->touchpad)
        sink->ops->rel(sink, dx, dy, dx, dy);
    else
        sink->ops->rel(sink, dx, dy, libinput_event_pointer_get_dx_unaccelerated(e),
                       libinput_event_pointer_get_dy_unaccelerated(e));
}

static void send_place(struct source *source, struct libinput_event_pointer *e)
{
    struct input_sink *sink = &source->gate.sink;
    sink->ops->abs(sink, INPUT_WHOLE_LAYOUT,
                   libinput_event_pointer_get_absolute_x_transformed(e, 1),
                   libinput_event_pointer_get_absolute_y_transformed(e, 1));
}

/* 120ths of a detent in this direction. */
static int32_t scrolled(struct source *source, struct libinput_event_pointer *e,
                        enum libinput_pointer_axis axis, bool wheel)
{
    double *rest = &source->scroll_rest[axis];
    if (!libinput_event_pointer_has_axis(e, axis))
        return 0;
    if (wheel)
        return (int32_t)libinput_event_pointer_get_scroll_value_v120(e, axis);
    double value = libinput_event_pointer_get_scroll_value(e, axis);
    if (value == 0) /* the fingers were lifted */
        *rest = 0;
    *rest += value * 120 / UNITS_PER_DETENT;
    *rest = MAX(-1e5, MIN(1e5, *rest));
    int32_t v120 = (int32_t)*rest;
    *rest -= v120;
    return v120;
}

static void send_scroll(struct source *source, struct libinput_event_pointer *e, bool wheel)
{
    struct input_sink *sink = &source->gate.sink;
    int32_t horizontal = scrolled(source, e, LIBINPUT_POINTER_AXIS_SCROLL_HORIZONTAL, wheel);
    int32_t vertical = scrolled(source, e, LIBINPUT_POINTER_AXIS_SCROLL_VERTICAL, wheel);
    sink->ops->wheel(sink, horizontal, vertical);
}

static void send_touch(struct source *source, struct libinput_event_touch *e, bool down)
{
    struct input_sink *sink = &source->gate.sink;
    int32_t finger = libinput_event_touch_get_seat_slot(e);
    double x = libinput_event_touch_get_x_transformed(e, 1);
    double y = libinput_event_touch_get_y_transformed(e, 1);
    if (down)
        sink->ops->touch_down(sink, finger, INPUT_WHOLE_LAYOUT, x, y);
    else
        sink->ops->touch_motion(sink, finger, INPUT_WHOLE_LAYOUT, x, y);
}

static bool is_pen(struct libinput_event_tablet_tool *e)
{
    enum libinput_tablet_tool_type type =
        libinput_tablet_tool_get_type(libinput_event_tablet_tool_get_tool(e));
    return type >= LIBINPUT_TABLET_TOOL_TYPE_PEN && type <= LIBINPUT_TABLET_TOOL_TYPE_AIRBRUSH;
}

static void send_tool(struct source *source, struct libinput_event_tablet_tool *e)
{
    struct input_sink *sink = &source->gate.sink;
    const struct input_tool tool = {
        .near = libinput_event_tablet_tool_get_proximity_state(e) ==
                LIBINPUT_TABLET_TOOL_PROXIMITY_STATE_IN,
        .eraser = libinput_tablet_tool_get_type(libinput_event_tablet_tool_get_tool(e)) ==
                  LIBINPUT_TABLET_TOOL_TYPE_ERASER,
        .touching = libinput_event_tablet_tool_get_tip_state(e) == LIBINPUT_TABLET_TOOL_TIP_DOWN,
        .scanout = INPUT_WHOLE_LAYOUT,
        .x = libinput_event_tablet_tool_get_x_transformed(e, 1),
        .y = libinput_event_tablet_tool_get_y_transformed(e, 1),
        .pressure = libinput_event_tablet_tool_get_pressure(e),
        .distance = libinput_event_tablet_tool_get_distance(e),
        .tilt_x = libinput_event_tablet_tool_get_tilt_x(e),
        .tilt_y = libinput_event_tablet_tool_get_tilt_y(e),
    };
    if (is_pen(e))
        sink->ops->tool(sink, &tool);
}

static void send_tool_button(struct source *source, struct libinput_event_tablet_tool *e)
{
    struct input_sink *sink = &source->gate.sink;
    if (is_pen(e))
        sink->ops->tool_button(sink, libinput_event_tablet_tool_get_button(e),
                               libinput_event_tablet_tool_get_button_state(e) ==
                                   LIBINPUT_BUTTON_STATE_PRESSED);
}

void source_event(struct source *source, struct libinput_event *event)
{
    struct input_sink *sink = &source->gate.sink;
    struct libinput_event_keyboard *key;
    struct libinput_event_pointer *pointer;

    switch (libinput_event_get_type(event)) {
    case LIBINPUT_EVENT_KEYBOARD_KEY:
        key = libinput_event_get_keyboard_event(event);
        send_key(source, libinput_event_keyboard_get_key(key),
                 libinput_event_keyboard_get_key_state(key) == LIBINPUT_KEY_STATE_PRESSED);
        break;
    case LIBINPUT_EVENT_POINTER_MOTION:
        send_motion(source, event);
        break;
    case LIBINPUT_EVENT_POINTER_MOTION_ABSOLUTE:
        send_place(source, libinput_event_get_pointer_event(event));
        break;
    case LIBINPUT_EVENT_POINTER_BUTTON:
        pointer = libinput_event_get_pointer_event(event);
        send_key(source, libinput_event_pointer_get_button(pointer),
                 libinput_event_pointer_get_button_state(pointer) == LIBINPUT_BUTTON_STATE_PRESSED);
        break;
    case LIBINPUT_EVENT_POINTER_SCROLL_WHEEL:
        send_scroll(source, libinput_event_get_pointer_event(event), true);
        break;
    case LIBINPUT_EVENT_POINTER_SCROLL_FINGER:
    case LIBINPUT_EVENT_POINTER_SCROLL_CONTINUOUS:
        send_scroll(source, libinput_event_get_pointer_event(event), false);
        break;
    case LIBINPUT_EVENT_TOUCH_DOWN:
        send_touch(source, libinput_event_get_touch_event(event), true);
        return; /* a frame follows */
    case LIBINPUT_EVENT_TOUCH_MOTION:
        send_touch(source, libinput_event_get_touch_event(event), false);
        return;
    case LIBINPUT_EVENT_TOUCH_UP:
    case LIBINPUT_EVENT_TOUCH_CANCEL:
        sink->ops->touch_up(
            sink, libinput_event_touch_get_seat_slot(libinput_event_get_touch_event(event)));
        return;
    case LIBINPUT_EVENT_TABLET_TOOL_AXIS:
    case LIBINPUT_EVENT_TABLET_TOOL_PROXIMITY:
    case LIBINPUT_EVENT_TABLET_TOOL_TIP:
        send_tool(source, libinput_event_get_tablet_tool_event(event));
        break;
    case LIBINPUT_EVENT_TABLET_TOOL_BUTTON:
        send_tool_button(source, libinput_event_get_tablet_tool_event(event));
        break;
    case LIBINPUT_EVENT_TOUCH_FRAME:
        break;
    default:
        return;
    }
    sink->ops->frame(sink);
}
