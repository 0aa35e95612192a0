// SPDX-License-Identifier: MIT
#include "input/gate.h"

#include <string.h>

#include "vmm/base/util.h"

#define V120 120

static bool get_bit(const uint64_t *words, uint32_t bit)
{
    return words[bit / 64] >> bit % 64 & 1;
}

static void put_bit(uint64_t *words, uint32_t bit, bool value)
{
    uint64_t mask = 1ull << bit % 64;
    words[bit / 64] = value ? words[bit / 64] | mask : words[bit / 64] & ~mask;
}

static struct gate *from_sink(struct input_sink *sink)
{
    return container_of(sink, struct gate, sink);
}

static bool is_button(uint32_t code)
{
    return code >= BTN_MOUSE && code < BTN_JOYSTICK;
}

static void send(struct gate *gate, enum gate_device device, uint16_t type, uint16_t code,
                 int32_t value)
{
    gate->dirty[device] = true;
    gate->ops->event(gate->target, device, type, code, value);
}

static void report(struct gate *gate, enum gate_device device)
{
    if (!gate->dirty[device])
        return;
    gate->dirty[device] = false;
    gate->ops->report(gate->target, device);
}

static void report_all(struct gate *gate)
{
    for (unsigned i = 0; i < GATE_DEVICE_COUNT; i++)
        report(gate, i);
    memset(gate->changed, 0, sizeof(gate->changed));
}

/* A key or button goes the other way; the caller knows that it does. */
static void set_pressed(struct gate *gate, uint32_t code, bool pressed)
{
    /* Within one report, its last state would be all that some guests see. */
    if (get_bit(gate->changed, code))
        report_all(gate);
    put_bit(gate->changed, code, true);
    put_bit(gate->pressed, code, pressed);
    send(gate, is_button(code) ? GATE_POINTER : GATE_KEYBOARD, EV_KEY, (uint16_t)code, pressed);
}

static void release_between(struct gate *gate, uint32_t first, uint32_t end)
{
    for (uint32_t code = first; code < end; code++) {
        if (get_bit(gate->pressed, code))
            set_pressed(gate, code, false);
    }
}

static void release_buttons(struct gate *gate)
{
    release_between(gate, BTN_MOUSE, BTN_JOYSTICK);
}

static void sink_focus(struct input_sink *sink, int scanout)
{
    struct gate *gate = from_sink(sink);
    gate->focused = scanout != INPUT_NO_SCANOUT;
    if (gate->focused)
        return;
    /* No frame need follow: the sources have nothing more to say. */
    release_between(gate, 0, KEY_CNT);
    report_all(gate);
}

static void sink_key(struct input_sink *sink, uint32_t code, bool pressed)
{
    struct gate *gate = from_sink(sink);
    if (code < KEY_CNT && !is_button(code) && gate->focused &&
        get_bit(gate->pressed, code) != pressed)
        set_pressed(gate, code, pressed);
}

static void sink_button(struct input_sink *sink, uint32_t code, bool pressed)
{
    struct gate *gate = from_sink(sink);
    if (is_button(code) && gate->inside && get_bit(gate->pressed, code) != pressed)
        set_pressed(gate, code, pressed);
}

/* The layout's lower right corner. */
static void layout_extent(const struct gate *gate, uint64_t *width, uint64_t *height)
{
    *width = *height = 0;
    for (unsigned i = 0; i < GATE_MAX_SCANOUTS; i++) {
        const struct gate_scanout *s = &gate->layout[i];
        if (s->width == 0 || s->height == 0)
            continue;
        *width = MAX(*width, (uint64_t)s->x + s->width);
        *height = MAX(*height, (uint64_t)s->y + s->height);
    }
}

/* The axis value for a place within one scanout's side. Guests map the axis by value × extent /
 * (GATE_ABS_MAX + 1), so the middle of a pixel here stays inside that pixel there. */
static int32_t axis(double fraction, uint32_t start, uint32_t size, uint64_t extent)
{
    /* Written so that a NaN becomes 0. */
    double in = fraction > 0 ? fraction : 0;
    in = in < 1 ? in : 1;
    double value = (start + in * size) / (double)extent * (GATE_ABS_MAX + 1.0);
    return value < GATE_ABS_MAX ? (int32_t)value : GATE_ABS_MAX;
}

static void sink_abs(struct input_sink *sink, unsigned scanout, double x, double y)
{
    struct gate *gate = from_sink(sink);
    uint64_t width, height;
    gate->inside = true;
    if (scanout >= GATE_MAX_SCANOUTS)
        return;
    const struct gate_scanout *s = &gate->layout[scanout];
    if (s->width == 0 || s->height == 0)
        return;
    layout_extent(gate, &width, &height);
    int32_t abs_x = axis(x, s->x, s->width, width);
    int32_t abs_y = axis(y, s->y, s->height, height);
    if (abs_x != gate->abs_x)
        send(gate, GATE_POINTER, EV_ABS, ABS_X, abs_x);
    if (abs_y != gate->abs_y)
        send(gate, GATE_POINTER, EV_ABS, ABS_Y, abs_y);
    gate->abs_x = abs_x;
    gate->abs_y = abs_y;
}

static void sink_leave(struct input_sink *sink)
{
    struct gate *gate = from_sink(sink);
    gate->inside = false;
    gate->wheel_rest[0] = gate->wheel_rest[1] = 0;
    release_buttons(gate);
    report_all(gate);
}

/* One direction of the wheel: each event in high resolution, and whole detents as they fill up. */
static void turn(struct gate *gate, unsigned direction, int32_t v120, uint16_t hi_res, uint16_t lo)
{
    if (v120 == 0)
        return;
    int32_t *rest = &gate->wheel_rest[direction];
    /* What was left of the other way round must not eat into this one. */
    if ((v120 > 0) != (*rest > 0))
        *rest = 0;
    *rest += v120;
    send(gate, GATE_POINTER, EV_REL, hi_res, v120);
    if (*rest / V120 != 0)
        send(gate, GATE_POINTER, EV_REL, lo, *rest / V120);
    *rest %= V120;
}

static void sink_wheel(struct input_sink *sink, int32_t horizontal_v120, int32_t vertical_v120)
{
    /* More in one event than any wheel turns; keeps the sums in range. */
    const int32_t most = 1000 * V120;
    struct gate *gate = from_sink(sink);
    if (!gate->inside)
        return;
    turn(gate, 0, MAX(-most, MIN(most, horizontal_v120)), REL_HWHEEL_HI_RES, REL_HWHEEL);
    /* evdev counts the other way: up is positive. */
    turn(gate, 1, -MAX(-most, MIN(most, vertical_v120)), REL_WHEEL_HI_RES, REL_WHEEL);
}

static void sink_frame(struct input_sink *sink)
{
    report_all(from_sink(sink));
}

static const struct input_sink_ops sink_ops = {
    .focus = sink_focus,
    .key = sink_key,
    .button = sink_button,
    .abs = sink_abs,
    .leave = sink_leave,
    .wheel = sink_wheel,
    .frame = sink_frame,
};

void gate_init(struct gate *gate, const struct gate_target_ops *ops, void *target)
{
    *gate = (struct gate){
        .sink.ops = &sink_ops,
        .ops = ops,
        .target = target,
        .layout[0] = { .width = 1, .height = 1 },
        .abs_x = -1,
        .abs_y = -1,
    };
}

void gate_set_layout(struct gate *gate, const struct gate_scanout *layout, unsigned n)
{
    bool any = false;
    for (unsigned i = 0; i < n && i < GATE_MAX_SCANOUTS; i++)
        any |= layout[i].width > 0 && layout[i].height > 0;
    if (!any)
        return;
    for (unsigned i = 0; i < GATE_MAX_SCANOUTS; i++)
        gate->layout[i] = i < n ? layout[i] : (struct gate_scanout){ 0 };
}

bool gate_is_pressed(const struct gate *gate, uint32_t code)
{
    return code < KEY_CNT && get_bit(gate->pressed, code);
}
