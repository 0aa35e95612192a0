/* SPDX-License-Identifier: MIT */
/*
 * The gate between the sources of input (wl_seat, libinput) and the guest's input devices: a pure
 * state machine. It knows what the guest believes is pressed, and sees to it that nothing sticks:
 * keys pass while a window of the VM has the keyboard's focus, buttons and wheel while the pointer is
 * in one, and what is pressed is released when that ends (the loss of the keyboard's focus releases the
 * buttons too). A press of what is pressed and a release of what is not are dropped.
 *
 * Main loop only.
 */
#ifndef VITRINE_INPUT_GATE_H
#define VITRINE_INPUT_GATE_H

#include <linux/input-event-codes.h>
#include <stdbool.h>
#include <stdint.h>

#include "input/sink.h"

#define GATE_MAX_SCANOUTS 16
/* The absolute axes go from 0 to this over the whole layout. */
#define GATE_ABS_MAX 32767
#define GATE_WORDS ((KEY_CNT + 63) / 64)

enum gate_device { GATE_KEYBOARD, GATE_POINTER, GATE_DEVICE_COUNT };

/* The guest's devices, as the gate drives them: evdev events, then one report for what came since the
 * last one (SYN_REPORT is the device's to add). */
struct gate_target_ops {
    void (*event)(void *target, enum gate_device device, uint16_t type, uint16_t code,
                  int32_t value);
    void (*report)(void *target, enum gate_device device);
};

/* Where a scanout lies in the guest's layout, in pixels of the layout; 0×0: not in use. */
struct gate_scanout {
    uint32_t x, y, width, height;
};

/* Embedded by its owner; its fields are gate.c's, but sink, which the sources get. */
struct gate {
    struct input_sink sink;
    const struct gate_target_ops *ops;
    void *target;
    struct gate_scanout layout[GATE_MAX_SCANOUTS];
    bool focused;                  /* the keyboard's */
    bool inside;                   /* the pointer is in a window */
    uint64_t pressed[GATE_WORDS];  /* keys and buttons: the guest believes them pressed */
    uint64_t changed[GATE_WORDS];  /* those that the report under way speaks of */
    bool dirty[GATE_DEVICE_COUNT]; /* a report is under way */
    int32_t abs_x, abs_y;          /* what was sent last; -1: nothing yet */
    int32_t wheel_rest[2];         /* v120 short of a detent: horizontal, vertical */
};

/* Starts with nothing pressed, no focus, and scanout 0 as the whole layout. ops and target outlive
 * the gate. */
void gate_init(struct gate *gate, const struct gate_target_ops *ops, void *target);

/* The layout of scanouts that the guest was told (DISPLAY_INFO), scanout i at index i, n at most
 * GATE_MAX_SCANOUTS. A layout without any scanout in use is ignored. */
void gate_set_layout(struct gate *gate, const struct gate_scanout *layout, unsigned n);

/* Whether the guest believes that this key or button is pressed. */
bool gate_is_pressed(const struct gate *gate, uint32_t code);

#endif
