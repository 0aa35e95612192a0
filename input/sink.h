/* SPDX-License-Identifier: MIT */
/*
 * Where input events go: from a source (wl_seat, libinput) through the gate to the guest's devices.
 * Key and button codes are evdev's (linux/input-event-codes.h) from end to end. Main loop only.
 */
#ifndef VITRINE_INPUT_SINK_H
#define VITRINE_INPUT_SINK_H

#include <stdbool.h>
#include <stdint.h>

#define INPUT_NO_SCANOUT (-1)

struct input_sink;

struct input_sink_ops {
    /* The window of this scanout has the keyboard's focus, or none has (INPUT_NO_SCANOUT). */
    void (*focus)(struct input_sink *sink, int scanout);
    /* A key of the keyboard. */
    void (*key)(struct input_sink *sink, uint32_t code, bool pressed);
    /* A button of the pointer: BTN_LEFT and on. */
    void (*button)(struct input_sink *sink, uint32_t code, bool pressed);
    /* The pointer is at this place of the scanout: 0 ≤ x, y ≤ 1, from the picture's top left. */
    void (*abs)(struct input_sink *sink, unsigned scanout, double x, double y);
    /* The pointer left every window. */
    void (*leave)(struct input_sink *sink);
    /* The wheel turned: 120 for each detent, positive is right and towards the user (down). */
    void (*wheel)(struct input_sink *sink, int32_t horizontal_v120, int32_t vertical_v120);
    /* What came since the last frame happened at once. */
    void (*frame)(struct input_sink *sink);
};

struct input_sink {
    const struct input_sink_ops *ops;
};

#endif
