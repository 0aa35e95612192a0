/* SPDX-License-Identifier: MIT */
/* The machine's parts, for the files of vmm/app that share them. */
#ifndef VITRINE_APP_MACHINE_INTERNAL_H
#define VITRINE_APP_MACHINE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "vmm/app/nets.h"
#include "vmm/app/options.h"
#include "vmm/app/screen.h"
#include "vmm/app/shares.h"
#include "vmm/base/loop.h"
#include "vmm/core/bus.h"
#include "vmm/core/kvm.h"
#include "vmm/core/mem.h"
#include "vmm/core/x86/boot.h"

/* Disks, network cards, shared folders, entropy, vsock, the balloon, and the screen's devices. */
#define MACHINE_MAX_DEVS                                                                           \
    (OPTIONS_MAX_DISKS + NET_OPTIONS_MAX + SHARE_OPTIONS_MAX + 3 + SCREEN_MAX_DEVS)

/* What vCPU threads tell the main loop, one bit each. */
enum machine_event {
    MACHINE_POWER_OFF = 1 << 0,
    MACHINE_RESET = 1 << 1,
    MACHINE_PANIC = 1 << 2,
    MACHINE_CRASH = 1 << 3,
};

struct machine {
    const struct run_options *options;
    struct loop *loop;
    struct loop_signals signals;
    bool signals_added;

    struct kvm kvm;
    bool kvm_ready;
    struct guest_mem mem;
    struct bus pio, mmio;
    struct irq_router *irqs;
    int serial_irq, rtc_irq, sci_irq;
    struct x86_boot boot;
    struct x86_entry entry; /* where CPU 0 starts in what was loaded last */
    char params[OPTIONS_CMDLINE_MAX + 128];

    struct vcpus *vcpus;
    struct serial *serial;
    struct pm *pm;
    struct rtc *rtc;
    struct pvpanic *pvpanic;
    struct pci_host *pci;

    struct disks *disks;
    struct nets *nets;
    struct shares *shares;
    struct loop_thread io; /* shared by the small devices */
    bool io_running;
    struct virtio_dev *rng;
    struct virtio_dev *vsock, *balloon; /* NULL: there is none */
    struct screen *screen;              /* NULL: no graphics card */
    unsigned n_virtio;
    struct virtio_pci *virtio[MACHINE_MAX_DEVS];

    struct console *console;
    struct control *control;

    atomic_uint events; /* enum machine_event; set by vCPU threads, taken by event_task */
    struct loop_task event_task;
    atomic_uint resets_left; /* transports that are still to say that they are reset */
    struct loop_task reset_task;
    bool restarting;
    bool suspended;  /* by the user, or because a disk can't be written: the vCPUs are parked */
    bool disk_stuck; /* it is suspended for that */
    bool power_pressed;
    unsigned reboots;
    int status;
};

/* The main loop: the machine ends, with this exit status. */
void machine_end(struct machine *machine, int status);
/* The reset button: the guest restarts in place, and runs if it was suspended. */
void machine_reset(struct machine *machine);
/* The guest stands still until it is resumed. False: it did already, or did not. */
bool machine_suspend(struct machine *machine);
bool machine_resume(struct machine *machine);
/* The user closed the window: the power button first, the end the second time. */
void machine_ask_to_end(struct machine *machine);

/* The control socket's verbs; ends with a NULL name. */
struct control_verb;
extern const struct control_verb machine_verbs[];

/* vmm/app/machine_disks.c: the verb. */
struct json_object;
const char *machine_disk_resize(void *data, struct json_object *request,
                                struct json_object *result);

#endif
