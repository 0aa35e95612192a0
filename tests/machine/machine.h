/* SPDX-License-Identifier: MIT */
/* The smallest machine: RAM, vCPUs, serial line, power management; no PCI. */
#ifndef VITRINE_TESTS_MACHINE_H
#define VITRINE_TESTS_MACHINE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"
#include "vmm/core/bus.h"
#include "vmm/core/kvm.h"
#include "vmm/core/mem.h"
#include "vmm/core/vcpu.h"
#include "vmm/core/x86/boot.h"

enum machine_end {
    MACHINE_RUNNING,
    MACHINE_POWERED_OFF,
    MACHINE_RESET,
    MACHINE_TRIPLE_FAULT,
    MACHINE_FAILED,
    MACHINE_TIMED_OUT,
};

struct machine {
    struct loop *loop;
    struct kvm kvm;
    struct guest_mem mem;
    struct irq_router *router;
    struct bus pio, mmio;
    struct serial *serial;
    struct pm *pm;
    struct vcpus *vcpus;
    int serial_irq, sci;
    struct loop_task ended, output, input;
    struct loop_timer timeout;
    _Atomic int end; /* the first end of this run; set on vCPU threads */
    char *text;      /* what the guest wrote so far, with a NUL */
    size_t text_len;
    /* There is more text, or room for input; on the loop's thread. May be NULL. */
    void (*on_output)(struct machine *machine);
};

/* False where /dev/kvm does not serve (logged). vCPUs follow by machine_start(), so that a test can
 * add its own ranges to the buses. */
bool machine_init(struct machine *machine, uint64_t ram);
void machine_finish(struct machine *machine);

bool machine_start(struct machine *machine, unsigned cpus);
/* Runs CPU 0 from the entry until the guest ends or `seconds` have passed; all are parked then. */
enum machine_end machine_run(struct machine *machine, const struct x86_entry *entry,
                             unsigned seconds);
/* After an end: everything as at power-on. */
bool machine_reset(struct machine *machine);

#endif
