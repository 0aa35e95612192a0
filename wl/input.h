/* SPDX-License-Identifier: MIT */
/*
 * The seats' keyboards and pointers, merged into the one that the sink has; no protocol here. Several
 * seats may hold the same key: the guest sees it go down once and up once.
 */
#ifndef VITRINE_WL_INPUT_H
#define VITRINE_WL_INPUT_H

#include <linux/input-event-codes.h>
#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"

struct input_sink;

/* Keys and buttons that are down, by evdev code. */
struct wayl_keys {
    uint8_t down[KEY_CNT / 8];
};

static inline bool wayl_keys_has(const struct wayl_keys *keys, uint32_t code)
{
    return code < KEY_CNT && keys->down[code / 8] & 1u << code % 8;
}

struct wayl_input {
    struct input_sink *sink;
    uint8_t holders[KEY_CNT];                /* how many seats hold this key or button */
    unsigned focused[DISPLAY_MAX_SCANOUTS];  /* how many keyboards are in this window */
    unsigned pointers[DISPLAY_MAX_SCANOUTS]; /* how many pointers */
    unsigned locks, inhibitors;              /* how many seats' */
    int focus;                               /* what the sink was told last */
};

void wayl_input_init(struct wayl_input *input, struct input_sink *sink);

/* A key or button of a seat's device, whose held ones are kept in held. A release of what is not held,
 * a press of what is, and a code that is none are dropped: false. */
bool wayl_input_key(struct wayl_input *input, struct wayl_keys *held, uint32_t code, bool pressed);
bool wayl_input_button(struct wayl_input *input, struct wayl_keys *held, uint32_t code,
                       bool pressed);
/* Releases all that a device holds. */
void wayl_input_release_keys(struct wayl_input *input, struct wayl_keys *held);
void wayl_input_release_buttons(struct wayl_input *input, struct wayl_keys *held);

/* A seat's keyboard came into a window or left it; the last to come decides. */
void wayl_input_focus(struct wayl_input *input, unsigned scanout);
void wayl_input_unfocus(struct wayl_input *input, unsigned scanout);
/* A seat's pointer came into a window or left it. */
void wayl_input_enter(struct wayl_input *input, unsigned scanout);
void wayl_input_leave(struct wayl_input *input, unsigned scanout);

/* The compositor holds a seat's pointer still, or no longer; it leaves a seat's shortcuts to us, or no
 * longer. */
void wayl_input_locked(struct wayl_input *input, bool locked);
void wayl_input_inhibited(struct wayl_input *input, bool inhibited);

/* A key that a person holds to change what others mean: shift, control, alt, meta. */
bool wayl_input_is_modifier(uint32_t code);

#endif
