/* SPDX-License-Identifier: MIT */
/*
 * The gate between the sources of input (the windows' wl_seat, libinput's devices) and the guest's input
 * devices: a pure state machine, one for each VM. It knows which window has the focus, what each source
 * holds, and what the guest believes to be pressed, and sees to three things:
 *
 * - An event is the guest's or it is not, by its source's rule (enum gate_rule). Where the compositor
 *   reads the same device, whoever owns the position owns the buttons, and nothing comes twice.
 * - Nothing sticks: what a source gave is released when its events are the guest's no longer. A key that
 *   two sources hold goes down once and up once; a press of what is pressed and a release of what is not
 *   are dropped. Of what is held when the focus comes, the guest is told the modifiers.
 * - The compositor loses nothing either: a device is grabbed, and the guest's keys or pointer go over
 *   from one source to another, only when nothing is pressed, else a key would be held on the old side
 *   for ever. A grab ends with the focus, or by the hotkey.
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
#define GATE_MAX_SOURCES 17 /* the windows' among them */
/* The absolute axes go from 0 to this over the whole layout. */
#define GATE_ABS_MAX 32767
#define GATE_WORDS ((KEY_CNT + 63) / 64)
#define GATE_FINGERS 10
#define GATE_PRESSURE_MAX 8191
#define GATE_DISTANCE_MAX 255
#define GATE_TILT_MAX 90

/* The pointer has absolute axes, the mouse relative ones. There is one pointer for the whole layout or, by
 * gate_set_pointers(), one for each scanout i, GATE_SCANOUT_POINTER + i. */
enum gate_device {
    GATE_KEYBOARD,
    GATE_POINTER,
    GATE_MOUSE,
    GATE_TOUCHSCREEN,
    GATE_PEN,
    GATE_SCANOUT_POINTER,
    GATE_DEVICE_COUNT = GATE_SCANOUT_POINTER + GATE_MAX_SCANOUTS,
};

/* What of a source's events are the guest's. */
enum gate_rule {
    /* Of the windows: keys with the focus, pointer and wheel while the pointer is in a window or locked
     * to one; but what a shared source has taken over. */
    GATE_WINDOWS,
    /* Nothing: the windows tell the focus, and others have the input. */
    GATE_MUTED,
    /* Devices that the compositor reads too: with the focus, the keys while the compositor leaves its
     * shortcuts to us, the pointer while it is locked; and everything while the device is grabbed. */
    GATE_SHARED,
    /* Everything while a window has the focus. */
    GATE_FOCUSED,
    /* Everything, whatever has the focus: a seat of its own. */
    GATE_ALWAYS,
};

/* What goes over from one source to another as a whole, and what devices a source has. */
enum gate_group { GATE_KEYS, GATE_POINTING, GATE_TOUCHING, GATE_GROUP_COUNT };

/* The two keys that, held together, let go of what is grabbed, and take it back. */
struct gate_hotkey {
    uint16_t first, second;
};

/* The guest's devices, as the gate drives them: evdev events, then one report for what came since the
 * last one (SYN_REPORT is the device's to add). */
struct gate_target_ops {
    void (*event)(void *target, enum gate_device device, uint16_t type, uint16_t code,
                  int32_t value);
    void (*report)(void *target, enum gate_device device);
    /* Whether what moved the guest's pointer last is none of the windows' sources, so that the guest's cursor
     * is apart from the desktop's. Comes when that changes; at first it is not. May be NULL. */
    void (*apart)(void *target, bool apart);
};

/* What the gate asks of a source. */
struct gate_source_ops {
    /* Holds the devices exclusively, or no longer. Returns whether they are held now: they are not where
     * something on them is down, of which the gate need not hear, or where somebody else holds them, who may
     * let go. The source then calls gate_grab_again() for a while; later it is asked at the next release. */
    bool (*grab)(void *data, bool on);
    /* Whether the events are of any use; at first they are not. When they are again, what came meanwhile
     * is told within this call, so that the gate knows what is held. */
    void (*watch)(void *data, bool on);
    /* The guest's LEDs, bit LED_* each. */
    void (*leds)(void *data, uint32_t leds);
};

/* Embedded by its owner, who calls sink.ops; the other fields are the gate's. */
struct gate_source {
    struct input_sink sink;
    struct gate *gate; /* NULL: not added */
    const struct gate_source_ops *ops;
    void *data;
    enum gate_rule rule;
    bool grab;        /* to be grabbed whenever its events are the guest's */
    bool accelerated; /* which of the motions the guest gets */
    bool has[GATE_GROUP_COUNT];
    bool grabbed;
    bool relative;              /* it moved last by rel(), not by abs(): buttons are the mouse's */
    uint64_t held[GATE_WORDS];  /* keys and buttons that are down at the source */
    uint64_t given[GATE_WORDS]; /* those of them that the guest was told */
};

/* Where a scanout lies in the guest's layout, in pixels of the layout; 0×0: not in use. */
struct gate_scanout {
    uint32_t x, y, width, height;
};

/* Values of the absolute axes. */
struct gate_place {
    int32_t x, y;
};

/* A finger on the touchscreen, by the guest's slot. */
struct gate_finger {
    struct gate_source *source; /* NULL: none */
    int32_t number;             /* the source's */
    struct gate_place place;
};

struct gate_pen {
    struct gate_source *source; /* NULL: not in proximity */
    bool eraser, touching;
    bool button[3];
    bool changed; /* what the report under way says of proximity, tip and buttons must not change */
    int32_t axis[6];
};

/* Embedded by its owner; its fields are gate*.c's, but windows.sink, which the windows get. */
struct gate {
    struct gate_source windows;
    struct gate_source
        *source[GATE_MAX_SOURCES]; /* in the order that they were added; [0]: windows */
    unsigned n_sources;
    const struct gate_target_ops *ops;
    void *target;
    struct gate_hotkey hotkey;
    struct gate_scanout layout[GATE_MAX_SCANOUTS];

    bool focused;                       /* the keyboard's */
    bool inside;                        /* the pointer is in a window */
    bool locked, inhibited;             /* as the windows told */
    bool apart;                         /* as the target was told */
    bool shared_live[GATE_GROUP_COUNT]; /* shared sources have taken that over from the windows */
    bool let_go;                        /* by the hotkey */
    uint32_t leds;

    uint8_t holders[KEY_CNT];                        /* sources that gave this key or button */
    uint8_t button_device[BTN_JOYSTICK - BTN_MOUSE]; /* on which the pressed button was told */
    uint64_t changed[GATE_WORDS];                    /* those that the report under way speaks of */
    bool dirty[GATE_DEVICE_COUNT];                   /* a report is under way */
    bool each;                                       /* each scanout has a pointer */
    enum gate_device pointer;                        /* that moved last */
    struct gate_place told[GATE_MAX_SCANOUTS];       /* of each pointer; -1: nothing yet */
    double rel_rest[2];                              /* motion short of a unit */
    int32_t wheel_rest[2]; /* v120 short of a detent: horizontal, vertical */
    struct gate_finger finger[GATE_FINGERS];
    unsigned finger_changed; /* those that the report under way brings or lifts, a bit each */
    int32_t slot, next_id;   /* the slot that was spoken of last; the next contact's id */
    struct gate_pen pen;
};

/* Starts with nothing pressed, no focus, and scanout 0 as the whole layout. ops and target outlive
 * the gate. */
void gate_init(struct gate *gate, const struct gate_target_ops *ops, void *target);

/* The windows tell their focus only (GATE_MUTED), or input too, as at the start. Before any event. */
void gate_set_windows(struct gate *gate, enum gate_rule rule);
/* Each scanout has an absolute pointer of its own, or one spans the layout, as at the start. Before any
 * event. */
void gate_set_pointers(struct gate *gate, bool each);
/* As at the start: both control keys. */
void gate_set_hotkey(struct gate *gate, struct gate_hotkey hotkey);

/* Adds a source, whose rule, ops, data, grab and accelerated its owner has set. False: there are
 * GATE_MAX_SOURCES. */
bool gate_add(struct gate *gate, struct gate_source *source);
/* Releases all that the source gave. Harmless where it was not added. */
void gate_remove(struct gate_source *source);
/* Tries the source's grab again, if one is wanted that failed. */
void gate_grab_again(struct gate_source *source);
/* What kinds of devices the source has, now. What it held on those that went away it has released. */
void gate_set_has(struct gate_source *source, const bool has[GATE_GROUP_COUNT]);

/* The layout of scanouts that the guest was told (DISPLAY_INFO), scanout i at index i, n at most
 * GATE_MAX_SCANOUTS. A layout without any scanout in use is ignored. */
void gate_set_layout(struct gate *gate, const struct gate_scanout *layout, unsigned n);

/* The guest lights an LED of its keyboard. Sources that hold their devices for themselves hear of it. */
void gate_set_led(struct gate *gate, uint16_t led, bool on);

/* Whether the guest believes that this key or button is pressed. */
bool gate_is_pressed(const struct gate *gate, uint32_t code);
/* Whether this source has its devices for itself. */
bool gate_is_grabbed(const struct gate_source *source);

#endif
