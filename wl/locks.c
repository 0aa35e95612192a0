// SPDX-License-Identifier: MIT
#include "wl/locks.h"

#include <linux/input-event-codes.h>

#include "input/sink.h"

static const struct {
    unsigned led;
    uint32_t key;
} names[WAYL_LOCK_COUNT] = {
    [WAYL_LOCK_NUM] = { LED_NUML, KEY_NUMLOCK },
    [WAYL_LOCK_CAPS] = { LED_CAPSL, KEY_CAPSLOCK },
};

static void press(struct input_sink *sink, uint32_t key)
{
    sink->ops->key(sink, key, true);
    sink->ops->frame(sink);
    sink->ops->key(sink, key, false);
    sink->ops->frame(sink);
}

void wayl_locks_look(struct wayl_locks *locks, struct input_sink *sink,
                     const struct wayl_keymap *keymap, bool entered)
{
    uint32_t leds = sink->ops->leds(sink);
    for (unsigned i = 0; i < WAYL_LOCK_COUNT; i++) {
        bool lit = leds & 1u << names[i].led;
        if (lit != locks->lock[i].lit)
            locks->lock[i].pressed = false;
        if (!entered || lit == wayl_keymap_lock(keymap, i) || locks->lock[i].pressed)
            continue;
        locks->lock[i].pressed = true;
        locks->lock[i].lit = lit;
        press(sink, names[i].key);
    }
}
