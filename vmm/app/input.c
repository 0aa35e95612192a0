// SPDX-License-Identifier: MIT
/* `vitrine input list`. */
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "input"
#include "input/seats.h"
#include "vmm/app/verbs.h"
#include "vmm/base/log.h"

static const char help[] =
    "Usage: vitrine input list\n"
    "The host's input devices, their seats, what they are, and whether you may open them:\n"
    "what --input libinput:device=PATH and --input libinput:seat=NAME of `vitrine run` take.\n"
    "Devices that you may not open take membership in their group, or a udev rule that tags\n"
    "them with uaccess; `loginctl attach SEAT` gives a device another seat.\n";

int verb_input(int argc, char **argv)
{
    if (argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc != 1 || strcmp(argv[0], "list") != 0) {
        log_error("what about input? Usage: vitrine input list");
        return EXIT_USAGE;
    }
    int n = seats_print(stdout);
    if (n < 0) {
        log_error("udev can't be asked for input devices; is /sys mounted?");
        return EXIT_USAGE;
    }
    if (n == 0)
        log_info("there are no input devices here");
    return 0;
}
