/* SPDX-License-Identifier: MIT */
/*
 * Caps lock and num lock in step between the desktop and the guest. Each side toggles for itself at a press
 * of the key; while a window has the focus, both see the same presses. What was pressed elsewhere is made
 * up for when the focus comes: where the guest's LED is not as the desktop's lock, the guest gets the key.
 *
 * A guest whose LED does not follow (another keymap, a console without LEDs) gets it once and no more.
 */
#ifndef VITRINE_WL_LOCKS_H
#define VITRINE_WL_LOCKS_H

#include <stdbool.h>

#include "wl/keymap.h"

struct input_sink;

struct wayl_locks {
    struct {
        bool pressed; /* by us, and the LED has not followed so far */
        bool lit;     /* the LED as it was then */
    } lock[WAYL_LOCK_COUNT];
};

/* Takes a look at the guest's LEDs; after an enter, presses what differs, on the sink. */
void wayl_locks_look(struct wayl_locks *locks, struct input_sink *sink,
                     const struct wayl_keymap *keymap, bool entered);

#endif
