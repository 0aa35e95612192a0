/* SPDX-License-Identifier: MIT */
/* The command line of `vitrine display`. */
#ifndef VITRINE_APP_DISPLAY_OPTIONS_H
#define VITRINE_APP_DISPLAY_OPTIONS_H

#include <stdbool.h>

#include "input/gate.h"
#include "vmm/app/option_table.h"
#include "vmm/app/screen_options.h"

struct display_input {
    char path[108];
    enum gate_device device;
};

/* Strings point into the command line. */
struct display_options {
    struct screen_options screen;
    const char *gpu_socket;
    unsigned n_inputs; /* each of another device */
    struct display_input input[GATE_DEVICE_COUNT];
    const char *control_socket; /* NULL: none */
    bool verbose;
};

/* Parses the words after `display`. OPTIONS_BAD was said in one line on stderr. */
enum options_result display_options_parse(struct display_options *options, int argc, char **argv);

/* The text of `vitrine display --help`. */
extern const char display_help[];

#endif
