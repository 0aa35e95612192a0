// SPDX-License-Identifier: MIT
/* The gate's pen: one at a time, the first that comes into proximity. */
#include "input/gate_internal.h"

static const uint16_t axis_codes[] = { ABS_X,        ABS_Y,      ABS_PRESSURE,
                                       ABS_DISTANCE, ABS_TILT_X, ABS_TILT_Y };
static const uint16_t button_codes[] = { BTN_STYLUS, BTN_STYLUS2, BTN_STYLUS3 };

static void send(struct gate *gate, uint16_t type, uint16_t code, int32_t value)
{
    gate_send(gate, GATE_PEN, type, code, value);
}

/* Proximity, tip or a button: each once in a report, else the guest would see the last only. */
static void send_key(struct gate *gate, uint16_t code, bool on)
{
    if (gate->pen.changed)
        gate_report(gate, GATE_PEN);
    send(gate, EV_KEY, code, on);
}

/* A fraction, from least to 1, of an axis that ends at max; a NaN is the least. */
static int32_t scale(double fraction, double least, int32_t max)
{
    double in = fraction > least ? fraction : least;
    in = in < 1 ? in : 1;
    return (int32_t)(in * max);
}

static uint16_t end_of(const struct gate_pen *pen)
{
    return pen->eraser ? BTN_TOOL_RUBBER : BTN_TOOL_PEN;
}

void gate_pen_leave(struct gate_source *source)
{
    struct gate *gate = source->gate;
    struct gate_pen *pen = &gate->pen;
    if (pen->source != source)
        return;
    if (pen->changed)
        gate_report(gate, GATE_PEN);
    for (unsigned i = 0; i < ARRAY_LEN(button_codes); i++) {
        if (pen->button[i])
            send(gate, EV_KEY, button_codes[i], 0);
    }
    if (pen->touching)
        send(gate, EV_KEY, BTN_TOUCH, 0);
    send(gate, EV_KEY, end_of(pen), 0);
    *pen = (struct gate_pen){ .changed = true };
}

void gate_sink_tool(struct input_sink *sink, const struct input_tool *tool)
{
    struct gate_source *source = gate_source_of(sink);
    struct gate *gate = source->gate;
    struct gate_pen *pen = &gate->pen;
    int32_t axis[ARRAY_LEN(axis_codes)];
    struct gate_place place;

    if (!tool->near || (pen->source == source && pen->eraser != tool->eraser))
        gate_pen_leave(source);
    if (!tool->near || (pen->source && pen->source != source) ||
        !gate_admits(source, GATE_TOUCHING) ||
        !gate_place(gate, tool->scanout, tool->x, tool->y, &place))
        return;
    axis[0] = place.x;
    axis[1] = place.y;
    axis[2] = scale(tool->pressure, 0, GATE_PRESSURE_MAX);
    axis[3] = scale(tool->distance, 0, GATE_DISTANCE_MAX);
    axis[4] = scale(tool->tilt_x / GATE_TILT_MAX, -1, GATE_TILT_MAX);
    axis[5] = scale(tool->tilt_y / GATE_TILT_MAX, -1, GATE_TILT_MAX);

    bool comes = !pen->source, tips = tool->touching != pen->touching;
    if ((comes || tips) && pen->changed)
        gate_report(gate, GATE_PEN);
    pen->changed |= comes || tips;
    if (comes) {
        pen->source = source;
        pen->eraser = tool->eraser;
        send(gate, EV_KEY, end_of(pen), 1);
    }
    for (unsigned i = 0; i < ARRAY_LEN(axis_codes); i++) {
        if (comes || axis[i] != pen->axis[i])
            send(gate, EV_ABS, axis_codes[i], axis[i]);
        pen->axis[i] = axis[i];
    }
    if (tips)
        send(gate, EV_KEY, BTN_TOUCH, tool->touching);
    pen->touching = tool->touching;
}

void gate_sink_tool_button(struct input_sink *sink, uint32_t code, bool pressed)
{
    struct gate_source *source = gate_source_of(sink);
    struct gate_pen *pen = &source->gate->pen;
    if (pen->source != source)
        return;
    for (unsigned i = 0; i < ARRAY_LEN(button_codes); i++) {
        if (button_codes[i] != code || pen->button[i] == pressed)
            continue;
        send_key(source->gate, button_codes[i], pressed);
        pen->button[i] = pressed;
        pen->changed = true;
    }
}
