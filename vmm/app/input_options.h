/* SPDX-License-Identifier: MIT */
/* Where a VM's input comes from: --input and --evdev. */
#ifndef VITRINE_APP_INPUT_OPTIONS_H
#define VITRINE_APP_INPUT_OPTIONS_H

#include <stdbool.h>

#include "input/gate.h"
#include "input/source_spec.h"

struct input_options {
    bool given;                /* some source was named; else it is `auto` */
    bool wayland;              /* the windows' own input is the guest's */
    bool automatic;            /* and libinput's, where it may be had */
    bool touchscreen, pen;     /* the guest has these devices, whether or not somebody has one */
    bool each_pointer;         /* each scanout has an absolute pointer, not all together one */
    struct gate_hotkey hotkey; /* first 0: the usual one */
    unsigned n;
    struct source_spec spec[SOURCE_MAX_SPECS];
};

/* For option tables (option_table.h), into a struct input_options. */
bool input_take(void *into, const char *value);
bool input_take_evdev(void *into, const char *value);

/* After the last option: what is missing is `auto`, whose libinput is another spec. False after one line
 * that says what is wrong. */
bool input_options_complete(struct input_options *options, bool headless);
/* Whether the guest has input devices at all; once complete. */
bool input_options_any(const struct input_options *options);

#endif
