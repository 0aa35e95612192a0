// SPDX-License-Identifier: MIT
#include "input/source_spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "input"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

struct word {
    const char *name;
    /* Takes the value behind '=', NULL where there is none; false where it is not right. */
    bool (*take)(struct source_spec *spec, const char *value);
    const char *right;
};

static bool take_name(struct source_spec *spec, enum source_kind kind, const char *value)
{
    if (!value || !*value || strlen(value) >= sizeof(spec->name) || spec->name[0])
        return false;
    spec->kind = kind;
    strcpy(spec->name, value);
    return true;
}

static bool take_device(struct source_spec *spec, const char *value)
{
    return value && value[0] == '/' && take_name(spec, SOURCE_DEVICE, value);
}

static bool take_seat(struct source_spec *spec, const char *value)
{
    return take_name(spec, SOURCE_SEAT, value);
}

static bool take_switch(enum source_switch *to, const char *value)
{
    bool on = !value || strcmp(value, "on") == 0;
    *to = on ? SOURCE_ON : SOURCE_OFF;
    return on || strcmp(value, "off") == 0;
}

static bool take_grab(struct source_spec *spec, const char *value)
{
    spec->grab = true;
    return !value;
}

static bool take_focus(struct source_spec *spec, const char *value)
{
    spec->always = value && strcmp(value, "always") == 0;
    return spec->always || (value && strcmp(value, "window") == 0);
}

static bool take_motion(struct source_spec *spec, const char *value)
{
    spec->accelerated = value && strcmp(value, "accelerated") == 0;
    return spec->accelerated || (value && strcmp(value, "raw") == 0);
}

/* The value's place in names, or -1. */
static int choose(const char *const *names, unsigned n, const char *value)
{
    for (unsigned i = 0; value && i < n; i++) {
        if (names[i] && strcmp(names[i], value) == 0)
            return (int)i;
    }
    return -1;
}

static bool take_accel(struct source_spec *spec, const char *value)
{
    static const char *const names[] = {
        [SOURCE_ACCEL_FLAT] = "flat",
        [SOURCE_ACCEL_ADAPTIVE] = "adaptive",
    };
    int choice = choose(names, ARRAY_LEN(names), value);
    if (choice >= 0)
        spec->settings.accel = (enum source_accel)choice;
    return choice >= 0;
}

static bool take_scroll(struct source_spec *spec, const char *value)
{
    static const char *const names[] = {
        [SOURCE_SCROLL_NONE] = "none",
        [SOURCE_SCROLL_TWO_FINGER] = "two-finger",
        [SOURCE_SCROLL_EDGE] = "edge",
        [SOURCE_SCROLL_BUTTON] = "button",
    };
    int choice = choose(names, ARRAY_LEN(names), value);
    if (choice >= 0)
        spec->settings.scroll = (enum source_scroll)choice;
    return choice >= 0;
}

/* A number from min to max that ends before `end`, or at the text's end; *text goes behind it. The
 * program runs in the C locale. */
static bool take_number(const char **text, char end, double min, double max, double *out)
{
    char *behind;
    errno = 0;
    *out = strtod(*text, &behind);
    bool right = behind != *text && !errno && *out >= min && *out <= max && *behind == end;
    *text = *behind ? behind + 1 : behind;
    return right;
}

static bool take_speed(struct source_spec *spec, const char *value)
{
    spec->settings.has_speed = true;
    return value && take_number(&value, '\0', -1, 1, &spec->settings.speed);
}

static bool take_calibration(struct source_spec *spec, const char *value)
{
    unsigned n = ARRAY_LEN(spec->settings.calibration);
    spec->settings.has_calibration = true;
    for (unsigned i = 0; value && i < n; i++) {
        double number;
        if (!take_number(&value, i + 1 < n ? ':' : '\0', -1e6, 1e6, &number))
            return false;
        spec->settings.calibration[i] = (float)number;
    }
    return value;
}

static bool take_natural_scroll(struct source_spec *spec, const char *value)
{
    return take_switch(&spec->settings.natural_scroll, value);
}

static bool take_tap(struct source_spec *spec, const char *value)
{
    return take_switch(&spec->settings.tap, value);
}

static bool take_left_handed(struct source_spec *spec, const char *value)
{
    return take_switch(&spec->settings.left_handed, value);
}

static bool take_dwt(struct source_spec *spec, const char *value)
{
    return take_switch(&spec->settings.dwt, value);
}

static const struct word words[] = {
    { "device", take_device, "device=PATH, once, such as device=/dev/input/event5" },
    { "seat", take_seat, "seat=NAME, once and without device=, such as seat=seat1" },
    { "grab", take_grab, "grab, which has no value" },
    { "focus", take_focus, "focus=window or focus=always" },
    { "motion", take_motion, "motion=raw or motion=accelerated" },
    { "accel", take_accel, "accel=flat or accel=adaptive" },
    { "speed", take_speed, "speed=N, from -1 to 1" },
    { "scroll", take_scroll, "scroll=two-finger, edge, button or none" },
    { "natural-scroll", take_natural_scroll, "natural-scroll or natural-scroll=off" },
    { "tap", take_tap, "tap or tap=off" },
    { "left-handed", take_left_handed, "left-handed or left-handed=off" },
    { "dwt", take_dwt, "dwt or dwt=off" },
    { "calibration", take_calibration, "calibration=A:B:C:D:E:F, six numbers" },
};

static bool take_word(struct source_spec *spec, char *word)
{
    char *value = strchr(word, '=');
    if (value)
        *value++ = '\0';
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(words[i].name, word) != 0)
            continue;
        if (!words[i].take(spec, value)) {
            log_error("--input libinput: takes %s, not '%s%s%s'", words[i].right, word,
                      value ? "=" : "", value ? value : "");
            return false;
        }
        return true;
    }
    log_error("--input libinput: takes device=PATH or seat=NAME, and grab, focus, motion, accel, "
              "speed, scroll, natural-scroll, tap, left-handed, dwt and calibration, not '%s'",
              word);
    return false;
}

bool source_spec_parse(struct source_spec *spec, const char *text)
{
    char copy[1024], *save = NULL;
    *spec = (struct source_spec){ 0 };
    if (strlen(text) >= sizeof(copy)) {
        log_error("--input libinput: takes %zu bytes at most", sizeof(copy) - 1);
        return false;
    }
    strcpy(copy, text);
    for (char *word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
        if (!take_word(spec, word))
            return false;
    }
    if (!spec->name[0]) {
        log_error("--input libinput: needs device=PATH or seat=NAME; `vitrine input list` shows "
                  "what there is");
        return false;
    }
    return true;
}
