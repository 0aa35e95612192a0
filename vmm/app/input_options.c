// SPDX-License-Identifier: MIT
#include "vmm/app/input_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "options"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static const struct {
    const char *name;
    struct gate_hotkey keys;
} hotkeys[] = {
    { "ctrl-ctrl", { KEY_LEFTCTRL, KEY_RIGHTCTRL } },
    { "alt-alt", { KEY_LEFTALT, KEY_RIGHTALT } },
    { "shift-shift", { KEY_LEFTSHIFT, KEY_RIGHTSHIFT } },
    { "meta-meta", { KEY_LEFTMETA, KEY_RIGHTMETA } },
    { "ctrl-scrolllock", { KEY_LEFTCTRL, KEY_SCROLLLOCK } },
    { "scrolllock", { KEY_SCROLLLOCK, KEY_SCROLLLOCK } },
};

static bool take_hotkey(struct input_options *o, const char *name)
{
    for (unsigned i = 0; i < ARRAY_LEN(hotkeys); i++) {
        if (strcmp(hotkeys[i].name, name) == 0) {
            o->hotkey = hotkeys[i].keys;
            return true;
        }
    }
    log_error(
        "--input hotkey= takes ctrl-ctrl, alt-alt, shift-shift, meta-meta, ctrl-scrolllock or "
        "scrolllock, not '%s'",
        name);
    return false;
}

static bool take_pointers(struct input_options *o, const char *how)
{
    o->each_pointer = strcmp(how, "each") == 0;
    if (o->each_pointer || strcmp(how, "one") == 0)
        return true;
    log_error("--input pointers= takes one, which spans all monitors, or each, one for every "
              "monitor, not '%s'",
              how);
    return false;
}

static bool take_spec(struct input_options *o, const char *text)
{
    /* One place is auto's. */
    if (o->n == SOURCE_MAX_SPECS - 1) {
        log_error("--input libinput: can be given %d times", SOURCE_MAX_SPECS - 1);
        return false;
    }
    o->given = true;
    return source_spec_parse(&o->spec[o->n++], text);
}

bool input_take(void *into, const char *value)
{
    struct input_options *o = into;
    if (strncmp(value, "libinput:", 9) == 0)
        return take_spec(o, value + 9);
    if (strncmp(value, "hotkey=", 7) == 0)
        return take_hotkey(o, value + 7);
    if (strncmp(value, "pointers=", 9) == 0)
        return take_pointers(o, value + 9);
    if (strcmp(value, "auto") == 0) {
        o->given = o->automatic = o->wayland = true;
    } else if (strcmp(value, "wayland") == 0) {
        o->given = o->wayland = true;
    } else if (strcmp(value, "touchscreen") == 0) {
        o->touchscreen = true;
    } else if (strcmp(value, "pen") == 0) {
        o->pen = true;
    } else {
        log_error("--input takes auto, wayland, libinput:device=PATH, libinput:seat=NAME, "
                  "touchscreen, pen, pointers=one or each, or hotkey=KEYS, not '%s'",
                  value);
        return false;
    }
    return true;
}

bool input_take_evdev(void *into, const char *value)
{
    char text[1024];
    snprintf(text, sizeof(text), "device=%.1000s", value);
    return take_spec(into, text);
}

bool input_options_any(const struct input_options *o)
{
    return o->wayland || o->n > 0;
}

/* Without a window nothing has the focus, ever. */
static bool check_headless(const struct input_options *o)
{
    if (o->wayland) {
        log_error(
            "--input needs a window; leave out --headless, or give the VM devices of its own: "
            "--input libinput:seat=NAME,focus=always");
        return false;
    }
    for (unsigned i = 0; i < o->n; i++) {
        if (!o->spec[i].always) {
            log_error("--input libinput: needs focus=always where --headless leaves no window to "
                      "have the focus");
            return false;
        }
    }
    return true;
}

bool input_options_complete(struct input_options *o, bool headless)
{
    const char *seat = getenv("XDG_SEAT");
    if (headless)
        return check_headless(o);
    if (!o->given)
        o->automatic = o->wayland = true;
    if (!o->automatic)
        return true;
    struct source_spec *spec = &o->spec[o->n++];
    *spec = (struct source_spec){ .kind = SOURCE_SEAT, .optional = true };
    snprintf(spec->name, sizeof(spec->name), "%s", seat && *seat ? seat : "seat0");
    return true;
}
