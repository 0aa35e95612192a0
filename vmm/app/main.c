// SPDX-License-Identifier: MIT
/* The program's verbs. Nothing but main() and what it calls before a VM runs may exit. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#define LOG_MODULE "main"
#include "vmm/app/verbs.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static const struct verb {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *what; /* NULL: not for people */
} verbs[] = {
    { "run", verb_run, "start a virtual machine in a window" },
    { "new", verb_new, "make a virtual machine" },
    { "list", verb_list, "show the virtual machines" },
    { "edit", verb_edit, "change a virtual machine's definition" },
    { "rm", verb_rm, "remove a virtual machine" },
    { "display", verb_display, "give QEMU's virtual machine a window, graphics and input" },
    { "disk", verb_disk, "give another program's virtual machine a disk" },
    { "input", verb_input, "show the input devices that a virtual machine can be given" },
    { "ctl", verb_ctl, "ask or tell a running virtual machine something" },
    { "top", verb_top, "watch the running virtual machines" },
    { "doctor", verb_doctor, "say what this computer has of what vitrine uses" },
    { "gpu", verb_gpu, NULL },
};

static void print_usage(FILE *to)
{
    fputs("Usage: vitrine VERB [ARG]...\n"
          "A virtual machine monitor for the Wayland desktop.\n\n",
          to);
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (verbs[i].what)
            fprintf(to, "  %-8s %s\n", verbs[i].name, verbs[i].what);
    }
    fputs("\n`vitrine VERB --help` says more; so does the manual page, vitrine(1).\n", to);
}

int main(int argc, char **argv)
{
    /* A peer that hangs up is an error of the write, not a reason to die. */
    signal(SIGPIPE, SIG_IGN);

    if (argc < 2) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return 0;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        puts("vitrine " VITRINE_VERSION);
        return 0;
    }
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (strcmp(argv[1], verbs[i].name) == 0)
            return verbs[i].run(argc - 2, argv + 2);
    }
    log_error("there is no verb '%s'; try run, new, list, display, disk or ctl, or "
              "`vitrine --help`",
              argv[1]);
    return EXIT_USAGE;
}
