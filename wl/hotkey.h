/* SPDX-License-Identifier: MIT */
/* The hotkey that captures the pointer and the keyboard for the guest, and releases them, and others with
 * the same modifiers; no protocol. */
#ifndef VITRINE_WL_HOTKEY_H
#define VITRINE_WL_HOTKEY_H

#include <stdbool.h>
#include <stdint.h>

#define WAYL_HOTKEY_DEFAULT "ctrl+alt+g"
#define WAYL_HOTKEY_MODIFIERS 4

struct wayl_hotkey {
    bool modifier[WAYL_HOTKEY_MODIFIERS]; /* Ctrl, Alt, Shift, Super: in the order of their names */
    uint32_t sym;                         /* the key: an X11 keysym, not shifted */
    char label[80];                       /* "Ctrl+Alt+G" */
};

/* XKB's names of those modifiers. */
extern const char *const wayl_hotkey_xkb[WAYL_HOTKEY_MODIFIERS];

/* Text such as "ctrl+alt+g": at least one modifier, and one key by its XKB name, with '+' in between; case
 * does not matter. False, and nothing said, where it is none. */
bool wayl_hotkey_parse(struct wayl_hotkey *hotkey, const char *text);
/* The same modifiers with another key, by its keysym. */
void wayl_hotkey_other(struct wayl_hotkey *other, const struct wayl_hotkey *hotkey, uint32_t sym);

#endif
