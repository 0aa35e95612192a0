// SPDX-License-Identifier: MIT
#include "wl/hotkey.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <xkbcommon/xkbcommon.h>

#include "vmm/base/util.h"

static const struct {
    const char *name, *label;
    unsigned modifier;
} names[] = {
    { "ctrl", "Ctrl", 0 },   { "control", "Ctrl", 0 }, { "alt", "Alt", 1 },
    { "shift", "Shift", 2 }, { "super", "Super", 3 },  { "meta", "Super", 3 },
    { "logo", "Super", 3 },
};

const char *const wayl_hotkey_xkb[WAYL_HOTKEY_MODIFIERS] = {
    XKB_MOD_NAME_CTRL,
    XKB_MOD_NAME_ALT,
    XKB_MOD_NAME_SHIFT,
    XKB_MOD_NAME_LOGO,
};

static bool take_modifier(struct wayl_hotkey *hotkey, const char *word)
{
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        if (strcasecmp(word, names[i].name) != 0)
            continue;
        hotkey->modifier[names[i].modifier] = true;
        return true;
    }
    return false;
}

/* A key that is a modifier itself would be held already when it is pressed. */
static bool is_plain(xkb_keysym_t sym)
{
    return sym != XKB_KEY_NoSymbol && !(sym >= XKB_KEY_Shift_L && sym <= XKB_KEY_Hyper_R);
}

static void make_label(struct wayl_hotkey *hotkey)
{
    static const char *const labels[WAYL_HOTKEY_MODIFIERS] = { "Ctrl+", "Alt+", "Shift+",
                                                               "Super+" };
    char name[40];
    xkb_keysym_get_name(hotkey->sym, name, sizeof(name));
    name[0] = (char)toupper((unsigned char)name[0]);
    hotkey->label[0] = '\0';
    for (unsigned i = 0; i < WAYL_HOTKEY_MODIFIERS; i++)
        strcat(hotkey->label, hotkey->modifier[i] ? labels[i] : "");
    strcat(hotkey->label, name);
}

bool wayl_hotkey_parse(struct wayl_hotkey *hotkey, const char *text)
{
    char words[80], *save = NULL;
    bool any = false;
    *hotkey = (struct wayl_hotkey){ .sym = XKB_KEY_NoSymbol };
    size_t len = strlen(text);
    if (len == 0 || len >= sizeof(words) || text[len - 1] == '+')
        return false;
    memcpy(words, text, len + 1);
    for (char *word = strtok_r(words, "+", &save); word; word = strtok_r(NULL, "+", &save)) {
        if (hotkey->sym != XKB_KEY_NoSymbol)
            return false; /* the key comes last */
        if (take_modifier(hotkey, word)) {
            any = true;
            continue;
        }
        hotkey->sym = xkb_keysym_to_lower(xkb_keysym_from_name(word, XKB_KEYSYM_CASE_INSENSITIVE));
        if (!is_plain(hotkey->sym))
            return false;
    }
    if (!any || hotkey->sym == XKB_KEY_NoSymbol)
        return false;
    make_label(hotkey);
    return true;
}

void wayl_hotkey_other(struct wayl_hotkey *other, const struct wayl_hotkey *hotkey, uint32_t sym)
{
    *other = *hotkey;
    other->sym = sym;
    make_label(other);
}
