/* SPDX-License-Identifier: MIT */
/*
 * The keymap of a seat's keyboard. The guest has a keymap of its own and gets evdev codes; this one tells
 * our hotkey, which keys the compositor takes for modifiers, and what its locks are. Where the compositor
 * sends none that can be used, it is that of a keyboard of the USA.
 */
#ifndef VITRINE_WL_KEYMAP_H
#define VITRINE_WL_KEYMAP_H

#include <stdbool.h>
#include <stdint.h>

struct wayl_hotkey;

struct wayl_keymap {
    struct xkb_context *context; /* NULL: there is no keymap at all */
    struct xkb_keymap *keymap, *usa;
    struct xkb_state *state;
    struct xkb_state *scratch; /* in which keys are tried out */
    bool complained;           /* of a text that can't be read */
};

/* The lock lights of a keyboard. */
enum wayl_lock { WAYL_LOCK_NUM, WAYL_LOCK_CAPS, WAYL_LOCK_COUNT };

/* From a zeroed one, or one in use. The fd stays the caller's; XKB's text of size bytes. */
void wayl_keymap_set(struct wayl_keymap *keymap, int fd, uint32_t size);
/* No text came: the USA's. */
void wayl_keymap_set_default(struct wayl_keymap *keymap);
void wayl_keymap_finish(struct wayl_keymap *keymap);

/* What wl_keyboard.modifiers says. */
void wayl_keymap_modifiers(struct wayl_keymap *keymap, uint32_t depressed, uint32_t latched,
                           uint32_t locked, uint32_t group);
/* Whether the press of this key (evdev code) is the hotkey, with the modifiers as they are: by what the
 * key is in the layout that is active, else in another one, else where it is in the USA. */
bool wayl_keymap_is_hotkey(const struct wayl_keymap *keymap, const struct wayl_hotkey *hotkey,
                           uint32_t code);
/* Whether the key is a modifier of which the compositor says that it is not held. */
bool wayl_keymap_is_released(struct wayl_keymap *keymap, uint32_t code);
/* Whether the lock is on. */
bool wayl_keymap_lock(const struct wayl_keymap *keymap, enum wayl_lock lock);

#endif
