// SPDX-License-Identifier: MIT
/* `vitrine run`. */
#include <stdio.h>

#include "vmm/app/machine.h"
#include "vmm/app/options.h"
#include "vmm/app/verbs.h"
#include "vmm/base/log.h"

int verb_run(int argc, char **argv)
{
    struct run_options options;
    int status = EXIT_USAGE;

    enum options_result parsed = options_parse(&options, argc, argv);
    if (parsed == OPTIONS_HELP) {
        fputs(options_help, stdout);
        status = 0;
    } else if (parsed == OPTIONS_OK) {
        if (options.verbose)
            log_set_level(LOG_DEBUG);
        struct machine *machine = machine_create(&options);
        if (machine)
            status = machine_run(machine);
        machine_destroy(machine);
    }
    options_finish(&options);
    return status;
}
