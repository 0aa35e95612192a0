// SPDX-License-Identifier: MIT
#include "vmm/app/input_script.h"

#include <linux/input-event-codes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input/sink.h"
#include "vmm/app/option_table.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/util.h"

#define WHEEL_DETENT 120
#define CHORD_MAX 8
#define MOVE_MAX 65536.0

static const char *const key_names[] = {
    [KEY_ESC] = "esc",
    [KEY_1] = "1",
    [KEY_2] = "2",
    [KEY_3] = "3",
    [KEY_4] = "4",
    [KEY_5] = "5",
    [KEY_6] = "6",
    [KEY_7] = "7",
    [KEY_8] = "8",
    [KEY_9] = "9",
    [KEY_0] = "0",
    [KEY_MINUS] = "minus",
    [KEY_EQUAL] = "equal",
    [KEY_BACKSPACE] = "backspace",
    [KEY_TAB] = "tab",
    [KEY_Q] = "q",
    [KEY_W] = "w",
    [KEY_E] = "e",
    [KEY_R] = "r",
    [KEY_T] = "t",
    [KEY_Y] = "y",
    [KEY_U] = "u",
    [KEY_I] = "i",
    [KEY_O] = "o",
    [KEY_P] = "p",
    [KEY_LEFTBRACE] = "leftbrace",
    [KEY_RIGHTBRACE] = "rightbrace",
    [KEY_ENTER] = "enter",
    [KEY_LEFTCTRL] = "leftctrl",
    [KEY_A] = "a",
    [KEY_S] = "s",
    [KEY_D] = "d",
    [KEY_F] = "f",
    [KEY_G] = "g",
    [KEY_H] = "h",
    [KEY_J] = "j",
    [KEY_K] = "k",
    [KEY_L] = "l",
    [KEY_SEMICOLON] = "semicolon",
    [KEY_APOSTROPHE] = "apostrophe",
    [KEY_GRAVE] = "grave",
    [KEY_LEFTSHIFT] = "leftshift",
    [KEY_BACKSLASH] = "backslash",
    [KEY_Z] = "z",
    [KEY_X] = "x",
    [KEY_C] = "c",
    [KEY_V] = "v",
    [KEY_B] = "b",
    [KEY_N] = "n",
    [KEY_M] = "m",
    [KEY_COMMA] = "comma",
    [KEY_DOT] = "dot",
    [KEY_SLASH] = "slash",
    [KEY_RIGHTSHIFT] = "rightshift",
    [KEY_KPASTERISK] = "kpasterisk",
    [KEY_LEFTALT] = "leftalt",
    [KEY_SPACE] = "space",
    [KEY_CAPSLOCK] = "capslock",
    [KEY_F1] = "f1",
    [KEY_F2] = "f2",
    [KEY_F3] = "f3",
    [KEY_F4] = "f4",
    [KEY_F5] = "f5",
    [KEY_F6] = "f6",
    [KEY_F7] = "f7",
    [KEY_F8] = "f8",
    [KEY_F9] = "f9",
    [KEY_F10] = "f10",
    [KEY_NUMLOCK] = "numlock",
    [KEY_SCROLLLOCK] = "scrolllock",
    [KEY_KP7] = "kp7",
    [KEY_KP8] = "kp8",
    [KEY_KP9] = "kp9",
    [KEY_KPMINUS] = "kpminus",
    [KEY_KP4] = "kp4",
    [KEY_KP5] = "kp5",
    [KEY_KP6] = "kp6",
    [KEY_KPPLUS] = "kpplus",
    [KEY_KP1] = "kp1",
    [KEY_KP2] = "kp2",
    [KEY_KP3] = "kp3",
    [KEY_KP0] = "kp0",
    [KEY_KPDOT] = "kpdot",
    [KEY_ZENKAKUHANKAKU] = "zenkakuhankaku",
    [KEY_102ND] = "102nd",
    [KEY_F11] = "f11",
    [KEY_F12] = "f12",
    [KEY_RO] = "ro",
    [KEY_KATAKANA] = "katakana",
    [KEY_HIRAGANA] = "hiragana",
    [KEY_HENKAN] = "henkan",
    [KEY_KATAKANAHIRAGANA] = "katakanahiragana",
    [KEY_MUHENKAN] = "muhenkan",
    [KEY_KPJPCOMMA] = "kpjpcomma",
    [KEY_KPENTER] = "kpenter",
    [KEY_RIGHTCTRL] = "rightctrl",
    [KEY_KPSLASH] = "kpslash",
    [KEY_SYSRQ] = "sysrq",
    [KEY_RIGHTALT] = "rightalt",
    [KEY_LINEFEED] = "linefeed",
    [KEY_HOME] = "home",
    [KEY_UP] = "up",
    [KEY_PAGEUP] = "pageup",
    [KEY_LEFT] = "left",
    [KEY_RIGHT] = "right",
    [KEY_END] = "end",
    [KEY_DOWN] = "down",
    [KEY_PAGEDOWN] = "pagedown",
    [KEY_INSERT] = "insert",
    [KEY_DELETE] = "delete",
    [KEY_MACRO] = "macro",
    [KEY_MUTE] = "mute",
    [KEY_VOLUMEDOWN] = "volumedown",
    [KEY_VOLUMEUP] = "volumeup",
    [KEY_POWER] = "power",
    [KEY_KPEQUAL] = "kpequal",
    [KEY_KPPLUSMINUS] = "kpplusminus",
    [KEY_PAUSE] = "pause",
    [KEY_SCALE] = "scale",
    [KEY_KPCOMMA] = "kpcomma",
    [KEY_HANGEUL] = "hangeul",
    [KEY_HANJA] = "hanja",
    [KEY_YEN] = "yen",
    [KEY_LEFTMETA] = "leftmeta",
    [KEY_RIGHTMETA] = "rightmeta",
    [KEY_COMPOSE] = "compose",
};

static const struct {
    const char *name;
    uint32_t code;
} button_names[] = {
    { "btn-left", BTN_LEFT }, { "btn-right", BTN_RIGHT }, { "btn-middle", BTN_MIDDLE },
    { "btn-side", BTN_SIDE }, { "btn-extra", BTN_EXTRA },
};

static bool find_code(const char *name, uint32_t *code)
{
    uint64_t number;
    for (uint32_t i = 0; i < ARRAY_LEN(button_names); i++) {
        if (strcmp(button_names[i].name, name) == 0) {
            *code = button_names[i].code;
            return true;
        }
    }
    for (uint32_t i = 1; i < ARRAY_LEN(key_names); i++) {
        if (key_names[i] && strcmp(key_names[i], name) == 0) {
            *code = i;
            return true;
        }
    }
    /* The digits are names of keys, so codes have two of them. */
    if (strlen(name) < 2 || !option_number(name, 1, KEY_CNT - 1, &number))
        return false;
    *code = (uint32_t)number;
    return true;
}

static void put(struct input_sink *sink, uint32_t code, bool pressed)
{
    if (!sink)
        return;
    if (code >= BTN_MOUSE && code < BTN_JOYSTICK)
        sink->ops->button(sink, code, pressed);
    else
        sink->ops->key(sink, code, pressed);
}

static void frame(struct input_sink *sink)
{
    if (sink)
        sink->ops->frame(sink);
}

static bool run_tap(char *arg, struct input_sink *sink)
{
    uint32_t chord[CHORD_MAX];
    unsigned n = 0;
    char *save = NULL;
    for (char *name = strtok_r(arg, "+", &save); name; name = strtok_r(NULL, "+", &save)) {
        if (n == CHORD_MAX || !find_code(name, &chord[n]))
            return false;
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        put(sink, chord[i], true);
        frame(sink);
    }
    for (unsigned i = n; i-- > 0;) {
        put(sink, chord[i], false);
        frame(sink);
    }
    return n > 0;
}

static bool run_put(const char *arg, struct input_sink *sink, bool pressed)
{
    uint32_t code;
    if (!find_code(arg, &code))
        return false;
    put(sink, code, pressed);
    return true;
}

/* Numbers with commas in between, all of them from min to max; how many there are, 0: something else. */
static unsigned numbers(const char *text, double *out, unsigned max_n, double min, double max)
{
    unsigned n = 0;
    for (;; text++) {
        char *end;
        double value = n < max_n ? strtod(text, &end) : 0;
        if (n == max_n || end == text || !(value >= min && value <= max))
            return 0;
        out[n++] = value;
        text = end;
        if (*text == '\0')
            return n;
        if (*text != ',')
            return 0;
    }
}

/* The monitor's number, from 1, where there is none such. */
static unsigned missing_monitor(const double at[3], uint32_t monitors)
{
    unsigned n = (unsigned)at[2];
    return monitors >> (n - 1) & 1 ? 0 : n;
}

static bool run_at(const char *arg, struct input_sink *sink, uint32_t monitors, unsigned *missing)
{
    double at[3];
    unsigned n = numbers(arg, at, 3, 0, 16);
    if (n == 2)
        at[2] = 1;
    else if (n != 3)
        return false;
    if (at[0] > 1 || at[1] > 1 || at[2] < 1 || at[2] > (unsigned)at[2])
        return false;
    *missing = missing_monitor(at, monitors);
    if (*missing)
        return false;
    if (sink)
        sink->ops->abs(sink, (unsigned)at[2] - 1, at[0], at[1]);
    return true;
}

static bool run_move(const char *arg, struct input_sink *sink)
{
    double by[2];
    if (numbers(arg, by, 2, -MOVE_MAX, MOVE_MAX) != 2)
        return false;
    if (sink)
        sink->ops->rel(sink, by[0], by[1], by[0], by[1]);
    return true;
}

static bool run_wheel(const char *arg, struct input_sink *sink)
{
    double by[2];
    if (numbers(arg, by, 2, -100, 100) != 2)
        return false;
    if (sink)
        sink->ops->wheel(sink, (int32_t)(by[0] * WHEEL_DETENT), (int32_t)(by[1] * WHEEL_DETENT));
    return true;
}

/* Without a sink, it is only checked. missing: the monitor that is not there, from 1, if that is what is wrong. */
static bool run_word(char *word, struct input_sink *sink, uint32_t monitors, unsigned *missing)
{
    char *arg = strchr(word, ':');
    bool ok = false;
    if (!arg)
        return false;
    *arg++ = '\0';
    if (strcmp(word, "tap") == 0)
        ok = run_tap(arg, sink);
    else if (strcmp(word, "down") == 0)
        ok = run_put(arg, sink, true);
    else if (strcmp(word, "up") == 0)
        ok = run_put(arg, sink, false);
    else if (strcmp(word, "at") == 0)
        ok = run_at(arg, sink, monitors, missing);
    else if (strcmp(word, "move") == 0)
        ok = run_move(arg, sink);
    else if (strcmp(word, "wheel") == 0)
        ok = run_wheel(arg, sink);
    if (ok)
        frame(sink);
    return ok;
}

static void explain(const char *word, int len, unsigned missing, uint32_t monitors, char *error,
                    unsigned size)
{
    char list[128] = "";
    for (unsigned i = 0; i < 32; i++) {
        size_t used = strlen(list);
        if (monitors >> i & 1)
            snprintf(list + used, sizeof(list) - used, "%s%u", *list ? ", " : "", i + 1);
    }
    if (missing)
        snprintf(error, size, "can't use '%.*s': there is no monitor %u, but %s", len, word,
                 missing, *list ? list : "none");
    else
        snprintf(error, size,
                 "can't use '%.*s'; input is tap:NAME[+NAME], down:NAME, up:NAME, at:X,Y[,N], "
                 "move:DX,DY and wheel:H,V, with spaces in between",
                 len, word);
}

static bool run_all(const char *text, struct input_sink *sink, uint32_t monitors, char *error,
                    unsigned size)
{
    bool any = false;
    while (*(text += strspn(text, " ")) != '\0') {
        unsigned missing = 0;
        size_t len = strcspn(text, " ");
        autofree char *word = strndup(text, len);
        if (!word || !run_word(word, sink, monitors, &missing)) {
            explain(text, (int)MIN(len, 64), missing, monitors, error, size);
            return false;
        }
        text += len;
        any = true;
    }
    if (!any)
        explain("", 0, 0, monitors, error, size);
    return any;
}

bool input_script_run(const char *text, struct input_sink *sink, uint32_t monitors, char *error,
                      unsigned size)
{
    return run_all(text, NULL, monitors, error, size) && run_all(text, sink, monitors, error, size);
}
