/* SPDX-License-Identifier: MIT */
/* What the gate's files share. */
#ifndef VITRINE_INPUT_GATE_INTERNAL_H
#define VITRINE_INPUT_GATE_INTERNAL_H

#include "input/gate.h"
#include "vmm/base/util.h"

static inline bool gate_bit(const uint64_t *words, uint32_t bit)
{
    return words[bit / 64] >> bit % 64 & 1;
}

static inline void gate_put_bit(uint64_t *words, uint32_t bit, bool value)
{
    uint64_t mask = 1ull << bit % 64;
    words[bit / 64] = value ? words[bit / 64] | mask : words[bit / 64] & ~mask;
}

static inline struct gate_source *gate_source_of(struct input_sink *sink)
{
    return container_of(sink, struct gate_source, sink);
}

static inline bool gate_is_button(uint32_t code)
{
    return code >= BTN_MOUSE && code < BTN_JOYSTICK;
}

/* An event into the report under way, and its end. */
void gate_send(struct gate *gate, enum gate_device device, uint16_t type, uint16_t code,
               int32_t value);
void gate_report(struct gate *gate, enum gate_device device);
void gate_report_all(struct gate *gate);

/* Whether what the source says of this group is the guest's. */
bool gate_admits(const struct gate_source *source, enum gate_group group);
/* The values of axes that span the layout; false where the scanout is not in use. */
bool gate_place(const struct gate *gate, unsigned scanout, double x, double y,
                struct gate_place *place);

/* gate_pointer.c */
void gate_sink_abs(struct input_sink *sink, unsigned scanout, double x, double y);
void gate_sink_rel(struct input_sink *sink, double dx, double dy, double raw_dx, double raw_dy);
void gate_sink_wheel(struct input_sink *sink, int32_t horizontal_v120, int32_t vertical_v120);

/* gate_touch.c */
void gate_sink_touch_down(struct input_sink *sink, int32_t finger, unsigned scanout, double x,
                          double y);
void gate_sink_touch_motion(struct input_sink *sink, int32_t finger, unsigned scanout, double x,
                            double y);
void gate_sink_touch_up(struct input_sink *sink, int32_t finger);
void gate_sink_touch_cancel(struct input_sink *sink);

/* gate_pen.c */
void gate_sink_tool(struct input_sink *sink, const struct input_tool *tool);
void gate_sink_tool_button(struct input_sink *sink, uint32_t code, bool pressed);
/* Takes the source's pen away. */
void gate_pen_leave(struct gate_source *source);

#endif
