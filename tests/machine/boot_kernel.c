// SPDX-License-Identifier: MIT
/*
 * boot_kernel [-c CPUS] [-m MIB] [-i INITRD] [-p PARAMS] [-r REBOOTS] [-t SECONDS] KERNEL
 *
 * Boots a kernel with its serial line on stdout. A guest that prints "@type TEXT" gets that line as
 * input, and one that prints "@button" a press of the power button. Exit status: 0 powered off, 3
 * panic, triple fault or failure, 4 out of time, 5 a reset too many, 77 no /dev/kvm.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/machine/machine.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/dev/pm.h"
#include "vmm/dev/serial.h"

static struct {
    size_t shown, looked_at; /* of the machine's text */
    char input[4096];
    size_t input_len;
} console;

static void obey(struct machine *m, const char *line, size_t len)
{
    if (len >= 7 && memcmp(line, "@button", 7) == 0)
        pm_power_button(m->pm);
    if (len < 6 || memcmp(line, "@type ", 6) != 0 ||
        console.input_len + len > sizeof(console.input))
        return;
    len -= 6 + (line[len - 1] == '\r');
    memcpy(console.input + console.input_len, line + 6, len);
    console.input_len += len;
    console.input[console.input_len++] = '\r';
}

static void show(struct machine *m)
{
    fd_write_full(STDOUT_FILENO, m->text + console.shown, m->text_len - console.shown);
    console.shown = m->text_len;

    const char *end;
    while ((end = memchr(m->text + console.looked_at, '\n', m->text_len - console.looked_at))) {
        const char *line = m->text + console.looked_at;
        obey(m, line, (size_t)(end - line));
        console.looked_at = (size_t)(end + 1 - m->text);
    }
    size_t taken = serial_input(m->serial, console.input, console.input_len);
    console.input_len -= taken;
    memmove(console.input, console.input + taken, console.input_len);
}

int main(int argc, char **argv)
{
    unsigned cpus = 1, mib = 256, reboots = 0, seconds = 60;
    const char *initrd = NULL, *params = "console=ttyS0";
    int option;
    while ((option = getopt(argc, argv, "c:m:i:p:r:t:")) != -1) {
        switch (option) {
        case 'c':
            cpus = (unsigned)atoi(optarg);
            break;
        case 'm':
            mib = (unsigned)atoi(optarg);
            break;
        case 'i':
            initrd = optarg;
            break;
        case 'p':
            params = optarg;
            break;
        case 'r':
            reboots = (unsigned)atoi(optarg);
            break;
        case 't':
            seconds = (unsigned)atoi(optarg);
            break;
        default:
            return 2;
        }
    }
    if (optind + 1 != argc)
        return 2;

    autoclose int kernel_fd = open(argv[optind], O_RDONLY | O_CLOEXEC);
    autoclose int initrd_fd = initrd ? open(initrd, O_RDONLY | O_CLOEXEC) : -1;
    if (kernel_fd < 0 || (initrd && initrd_fd < 0)) {
        perror("boot_kernel");
        return 2;
    }
    autofree char *all = NULL;
    if (asprintf(&all, "%s%s", x86_panic_params(params), params) < 0)
        return 1;
    struct x86_boot boot = { kernel_fd, argv[optind], initrd_fd, initrd, all, cpus };
    struct x86_entry entry;
    struct machine m;
    int status = 77;

    if (!machine_init(&m, mib * MIB) || !machine_start(&m, cpus))
        goto out;
    m.on_output = show;
    status = 3;
    for (;;) {
        if (!x86_load(&m.mem, &boot, &entry))
            break;
        enum machine_end how = machine_run(&m, &entry, seconds);
        show(&m);
        bool panicked = x86_guest_panicked(&m.mem);
        static const char *const names[] = { "running",      "powered off", "reset",
                                             "triple fault", "failed",      "timed out" };
        fprintf(stderr, "boot_kernel: %s%s%s\n", names[how], panicked ? " after a panic" : "",
                m.pvpanicked ? ", and pvpanic says so" : "");
        for (unsigned i = 0; i < cpus; i++) {
            struct vcpu_stats s;
            vcpus_stats(m.vcpus, i, &s);
            fprintf(stderr,
                    "boot_kernel: vCPU %u: %llu pio, %llu mmio, %llu signals, %llu others\n", i,
                    (unsigned long long)s.pio, (unsigned long long)s.mmio,
                    (unsigned long long)s.signals, (unsigned long long)s.others);
        }
        if (how == MACHINE_POWERED_OFF)
            status = 0;
        else if (how == MACHINE_TIMED_OUT)
            status = 4;
        else if (how == MACHINE_RESET && !panicked && reboots == 0)
            status = 5;
        if (how != MACHINE_RESET || panicked || reboots-- == 0 || !machine_reset(&m))
            break;
    }

out:
    machine_finish(&m);
    return status;
}
