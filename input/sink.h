/* SPDX-License-Identifier: MIT */
/*
 * Where input events go: from a source (wl_seat, libinput) through the gate to the guest's devices.
 * Key and button codes are evdev's (linux/input-event-codes.h) from end to end. Main loop only.
 *
 * A source tells what happens at its devices; whether the guest hears of it, the gate decides. Places
 * are fractions of a picture, 0 ≤ x, y ≤ 1 from its top left; what lies outside is taken for its edge.
 */
#ifndef VITRINE_INPUT_SINK_H
#define VITRINE_INPUT_SINK_H

#include <stdbool.h>
#include <stdint.h>

#define INPUT_NO_SCANOUT (-1)
/* In place of a scanout: the place is one of the guest's whole layout. */
#define INPUT_WHOLE_LAYOUT UINT32_MAX

struct input_sink;

/* A pen over a tablet. Where it is not near, nothing else counts. */
struct input_tool {
    bool near;     /* in proximity, whether or not it touches */
    bool eraser;   /* the other end of it */
    bool touching; /* the tip is down */
    unsigned scanout;
    double x, y;
    double pressure, distance; /* 0 to 1 */
    double tilt_x, tilt_y;     /* degrees, -90 to 90; positive leans right and towards the user */
};

struct input_sink_ops {
    /* Of the windows: the window of this scanout has the keyboard's focus, or none has
     * (INPUT_NO_SCANOUT). */
    void (*focus)(struct input_sink *sink, int scanout);
    /* Of the windows: the compositor holds the pointer still in one of them, and what moves it comes as
     * rel(), or no longer. */
    void (*locked)(struct input_sink *sink, bool locked);
    /* Of the windows: the compositor leaves its shortcuts to the focused one, or no longer. */
    void (*inhibited)(struct input_sink *sink, bool inhibited);

    /* The LEDs of the keyboard as the guest has them lit, bit LED_* each: for a source that compares. */
    uint32_t (*leds)(struct input_sink *sink);
    /* A key of the keyboard. */
    void (*key)(struct input_sink *sink, uint32_t code, bool pressed);
    /* A button of the pointer: BTN_LEFT and on. */
    void (*button)(struct input_sink *sink, uint32_t code, bool pressed);
    /* The pointer is at this place of the scanout. */
    void (*abs)(struct input_sink *sink, unsigned scanout, double x, double y);
    /* The pointer moved by so much, right and down: as it is accelerated for the user's desktop, and as
     * the mouse counts. */
    void (*rel)(struct input_sink *sink, double dx, double dy, double raw_dx, double raw_dy);
    /* The pointer left every window. */
    void (*leave)(struct input_sink *sink);
    /* The wheel turned: 120 for each detent, positive is right and towards the user (down). */
    void (*wheel)(struct input_sink *sink, int32_t horizontal_v120, int32_t vertical_v120);

    /* A finger came to the touchscreen, moved, or was lifted. Each has a number of the source's own while
     * it is down. A motion or an up of a finger that is not down is dropped. */
    void (*touch_down)(struct input_sink *sink, int32_t finger, unsigned scanout, double x,
                       double y);
    void (*touch_motion)(struct input_sink *sink, int32_t finger, unsigned scanout, double x,
                         double y);
    void (*touch_up)(struct input_sink *sink, int32_t finger);
    /* All of the source's fingers are gone. */
    void (*touch_cancel)(struct input_sink *sink);

    /* The pen, whole, whenever something of it changed. */
    void (*tool)(struct input_sink *sink, const struct input_tool *tool);
    /* A button of the pen: BTN_STYLUS, BTN_STYLUS2, BTN_STYLUS3. */
    void (*tool_button)(struct input_sink *sink, uint32_t code, bool pressed);

    /* What came since the last frame happened at once. */
    void (*frame)(struct input_sink *sink);
};

struct input_sink {
    const struct input_sink_ops *ops;
};

#endif
