// SPDX-License-Identifier: MIT
/* The gate's touchscreen: fingers of all sources on the guest's slots (the kernel's
 * Documentation/input/multi-touch-protocol.rst, type B). */
#include "input/gate_internal.h"

#define ID_MAX 0xffff

static struct gate_finger *find(struct gate_source *source, int32_t number)
{
    struct gate *gate = source->gate;
    for (unsigned i = 0; i < GATE_FINGERS; i++) {
        if (gate->finger[i].source == source && gate->finger[i].number == number)
            return &gate->finger[i];
    }
    return NULL;
}

static struct gate_finger *find_free(struct gate *gate)
{
    for (unsigned i = 0; i < GATE_FINGERS; i++) {
        if (!gate->finger[i].source)
            return &gate->finger[i];
    }
    return NULL;
}

static bool any_down(const struct gate *gate)
{
    for (unsigned i = 0; i < GATE_FINGERS; i++) {
        if (gate->finger[i].source)
            return true;
    }
    return false;
}

static void send(struct gate *gate, uint16_t type, uint16_t code, int32_t value)
{
    gate_send(gate, GATE_TOUCHSCREEN, type, code, value);
}

static void speak_of(struct gate *gate, const struct gate_finger *finger)
{
    int32_t slot = (int32_t)(finger - gate->finger);
    if (slot != gate->slot)
        send(gate, EV_ABS, ABS_MT_SLOT, slot);
    gate->slot = slot;
}

/* Of a finger that comes and goes within one report, the guest would see nothing. */
static void comes_or_goes(struct gate *gate, const struct gate_finger *finger)
{
    unsigned bit = 1u << (finger - gate->finger);
    if (gate->finger_changed & bit)
        gate_report(gate, GATE_TOUCHSCREEN);
    gate->finger_changed |= bit;
    speak_of(gate, finger);
}

static void move(struct gate *gate, struct gate_finger *finger, const struct gate_place *to)
{
    if (to->x != finger->place.x || to->y != finger->place.y)
        speak_of(gate, finger);
    if (to->x != finger->place.x)
        send(gate, EV_ABS, ABS_MT_POSITION_X, to->x);
    if (to->y != finger->place.y)
        send(gate, EV_ABS, ABS_MT_POSITION_Y, to->y);
    finger->place = *to;
}

void gate_sink_touch_down(struct input_sink *sink, int32_t number, unsigned scanout, double x,
                          double y)
{
    struct gate_source *source = gate_source_of(sink);
    struct gate *gate = source->gate;
    struct gate_finger *finger = find_free(gate);
    struct gate_place place;
    if (!finger || find(source, number) || !gate_admits(source, GATE_TOUCHING) ||
        !gate_place(gate, scanout, x, y, &place))
        return;
    bool first = !any_down(gate);
    comes_or_goes(gate, finger);
    *finger = (struct gate_finger){ .source = source, .number = number, .place = { -1, -1 } };
    send(gate, EV_ABS, ABS_MT_TRACKING_ID, gate->next_id);
    gate->next_id = gate->next_id == ID_MAX ? 0 : gate->next_id + 1;
    move(gate, finger, &place);
    if (first)
        send(gate, EV_KEY, BTN_TOUCH, 1);
}

void gate_sink_touch_motion(struct input_sink *sink, int32_t number, unsigned scanout, double x,
                            double y)
{
    struct gate_source *source = gate_source_of(sink);
    struct gate_finger *finger = find(source, number);
    struct gate_place place;
    if (finger && gate_place(source->gate, scanout, x, y, &place))
        move(source->gate, finger, &place);
}

static void lift(struct gate *gate, struct gate_finger *finger)
{
    comes_or_goes(gate, finger);
    finger->source = NULL;
    send(gate, EV_ABS, ABS_MT_TRACKING_ID, -1);
    if (!any_down(gate))
        send(gate, EV_KEY, BTN_TOUCH, 0);
}

void gate_sink_touch_up(struct input_sink *sink, int32_t number)
{
    struct gate_source *source = gate_source_of(sink);
    struct gate_finger *finger = find(source, number);
    if (finger)
        lift(source->gate, finger);
}

void gate_sink_touch_cancel(struct input_sink *sink)
{
    struct gate_source *source = gate_source_of(sink);
    for (unsigned i = 0; i < GATE_FINGERS; i++) {
        if (source->gate->finger[i].source == source)
            lift(source->gate, &source->gate->finger[i]);
    }
}
