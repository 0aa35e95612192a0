// SPDX-License-Identifier: MIT
#include "wl/keymap.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xkbcommon/xkbcommon.h>

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/hotkey.h"

/* XKB counts the keys from 8 (X11's protocol). */
#define XKB_OFFSET 8
/* The largest that XKB can make of all layouts together is far below. */
#define TEXT_MAX (4u << 20)

/* Its complaints about a keymap would be lines without a sense to who reads them. */
static void xkb_log(struct xkb_context *context, enum xkb_log_level level, const char *fmt,
                    va_list args)
{
}

static void drop_keymap(struct wayl_keymap *keymap)
{
    xkb_state_unref(keymap->scratch);
    xkb_state_unref(keymap->state);
    xkb_keymap_unref(keymap->keymap);
    keymap->keymap = NULL;
    keymap->state = keymap->scratch = NULL;
}

void wayl_keymap_finish(struct wayl_keymap *keymap)
{
    drop_keymap(keymap);
    xkb_keymap_unref(keymap->usa);
    xkb_context_unref(keymap->context);
    *keymap = (struct wayl_keymap){ 0 };
}

/* The file is read, not mapped: a compositor may cut it short while we look. */
static char *read_text(int fd, uint32_t size)
{
    if (size == 0 || size > TEXT_MAX)
        return NULL;
    char *text = malloc((size_t)size + 1);
    if (!text)
        return NULL;
    size_t got = 0;
    while (got < size) {
        ssize_t n = pread(fd, text + got, size - got, (off_t)got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    text[got] = '\0';
    if (got == size)
        return text;
    free(text);
    return NULL;
}

static bool prepare(struct wayl_keymap *keymap)
{
    if (keymap->context)
        return true;
    keymap->context = xkb_context_new(XKB_CONTEXT_NO_ENVIRONMENT_NAMES);
    if (!keymap->context)
        return false;
    xkb_context_set_log_fn(keymap->context, xkb_log);
    const struct xkb_rule_names names = { .layout = "us" };
    keymap->usa = xkb_keymap_new_from_names(keymap->context, &names, XKB_KEYMAP_COMPILE_NO_FLAGS);
    return true;
}

/* Takes the keymap's reference. */
static void use(struct wayl_keymap *keymap, struct xkb_keymap *made)
{
    drop_keymap(keymap);
    keymap->keymap = made;
    keymap->state = xkb_state_new(made);
    keymap->scratch = xkb_state_new(made);
    if (!keymap->state || !keymap->scratch)
        drop_keymap(keymap);
}

void wayl_keymap_set_default(struct wayl_keymap *keymap)
{
    if (prepare(keymap) && keymap->usa)
        use(keymap, xkb_keymap_ref(keymap->usa));
}

void wayl_keymap_set(struct wayl_keymap *keymap, int fd, uint32_t size)
{
    if (!prepare(keymap))
        return;
    char *text = read_text(fd, size);
    struct xkb_keymap *made =
        text ? xkb_keymap_new_from_string(keymap->context, text, XKB_KEYMAP_FORMAT_TEXT_V1,
                                          XKB_KEYMAP_COMPILE_NO_FLAGS)
             : NULL;
    free(text);
    if (made) {
        use(keymap, made);
        return;
    }
    if (!keymap->complained)
        log_warn("the compositor's keymap can't be read; the hotkey is where a keyboard of the USA "
                 "has it");
    keymap->complained = true;
    wayl_keymap_set_default(keymap);
}

void wayl_keymap_modifiers(struct wayl_keymap *keymap, uint32_t depressed, uint32_t latched,
                           uint32_t locked, uint32_t group)
{
    if (keymap->state)
        xkb_state_update_mask(keymap->state, depressed, latched, locked, 0, 0, group);
}

/* What a key is when nothing is held with it. */
static bool has_sym(struct xkb_keymap *map, xkb_keycode_t key, xkb_layout_index_t layout,
                    xkb_keysym_t sym)
{
    const xkb_keysym_t *syms;
    int n = xkb_keymap_key_get_syms_by_level(map, key, layout, 0, &syms);
    return n == 1 && xkb_keysym_to_lower(syms[0]) == sym;
}

static bool layout_has(struct xkb_keymap *map, xkb_layout_index_t layout, xkb_keysym_t sym)
{
    xkb_keycode_t max = xkb_keymap_max_keycode(map);
    for (xkb_keycode_t key = xkb_keymap_min_keycode(map); key <= max && key < 1024; key++) {
        if (layout < xkb_keymap_num_layouts_for_key(map, key) && has_sym(map, key, layout, sym))
            return true;
    }
    return false;
}

static bool is_key(const struct wayl_keymap *keymap, xkb_keysym_t sym, uint32_t code)
{
    struct xkb_keymap *map = keymap->keymap;
    xkb_keycode_t key = code + XKB_OFFSET;
    xkb_layout_index_t active =
        xkb_state_serialize_layout(keymap->state, XKB_STATE_LAYOUT_EFFECTIVE);
    if (has_sym(map, key, active, sym))
        return true;
    if (layout_has(map, active, sym))
        return false;
    bool any = false;
    for (xkb_layout_index_t i = 0; i < xkb_keymap_num_layouts(map); i++) {
        if (has_sym(map, key, i, sym))
            return true;
        any |= layout_has(map, i, sym);
    }
    return !any && keymap->usa && has_sym(keymap->usa, key, 0, sym);
}

bool wayl_keymap_is_hotkey(const struct wayl_keymap *keymap, const struct wayl_hotkey *hotkey,
                           uint32_t code)
{
    if (!keymap->state)
        return false;
    for (unsigned i = 0; i < WAYL_HOTKEY_MODIFIERS; i++) {
        bool active = xkb_state_mod_name_is_active(keymap->state, wayl_hotkey_xkb[i],
                                                   XKB_STATE_MODS_EFFECTIVE) > 0;
        if (active != hotkey->modifier[i])
            return false;
    }
    return is_key(keymap, hotkey->sym, code);
}

bool wayl_keymap_is_released(struct wayl_keymap *keymap, uint32_t code)
{
    if (!keymap->scratch)
        return false;
    xkb_keycode_t key = code + XKB_OFFSET;
    xkb_state_update_mask(keymap->scratch, 0, 0, 0, 0, 0, 0);
    xkb_state_update_key(keymap->scratch, key, XKB_KEY_DOWN);
    xkb_mod_mask_t sets = xkb_state_serialize_mods(keymap->scratch, XKB_STATE_MODS_DEPRESSED);
    xkb_state_update_key(keymap->scratch, key, XKB_KEY_UP);
    return sets != 0 &&
           (xkb_state_serialize_mods(keymap->state, XKB_STATE_MODS_DEPRESSED) & sets) == 0;
}

bool wayl_keymap_lock(const struct wayl_keymap *keymap, enum wayl_lock lock)
{
    static const char *const leds[WAYL_LOCK_COUNT] = {
        [WAYL_LOCK_NUM] = XKB_LED_NAME_NUM,
        [WAYL_LOCK_CAPS] = XKB_LED_NAME_CAPS,
    };
    return keymap->state && xkb_state_led_name_is_active(keymap->state, leds[lock]) > 0;
}
