/* SPDX-License-Identifier: MIT */
/* What a user says of devices that are the VM's: `libinput:device=PATH,grab,...`. Pure. */
#ifndef VITRINE_INPUT_SOURCE_SPEC_H
#define VITRINE_INPUT_SOURCE_SPEC_H

#include <stdbool.h>

#define SOURCE_MAX_SPECS 16

enum source_kind { SOURCE_DEVICE, SOURCE_SEAT };
enum source_switch { SOURCE_UNSET, SOURCE_OFF, SOURCE_ON };
enum source_accel { SOURCE_ACCEL_UNSET, SOURCE_ACCEL_FLAT, SOURCE_ACCEL_ADAPTIVE };
enum source_scroll {
    SOURCE_SCROLL_UNSET,
    SOURCE_SCROLL_NONE,
    SOURCE_SCROLL_TWO_FINGER,
    SOURCE_SCROLL_EDGE,
    SOURCE_SCROLL_BUTTON,
};

/* libinput's settings. What is unset stays as libinput has it. */
struct source_settings {
    enum source_accel accel;
    bool has_speed, has_calibration;
    double speed; /* -1 to 1 */
    enum source_switch natural_scroll, tap, left_handed, dwt;
    enum source_scroll scroll;
    float calibration[6]; /* the upper two rows of the matrix, row by row */
};

struct source_spec {
    enum source_kind kind;
    char name[256]; /* the device's path, or the seat's name */
    bool optional;  /* what can't be had is left out without a word */
    bool grab;      /* held exclusively, so that the compositor does not act on it too */
    bool always;    /* the guest's whatever has the focus */
    bool
        accelerated; /* the guest gets motion as libinput accelerates it, not as the device counts */
    struct source_settings settings;
};

/* Takes what stands behind "libinput:". False after one line that says what is wrong with it. */
bool source_spec_parse(struct source_spec *spec, const char *text);

#endif
