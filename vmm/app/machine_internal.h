/* SPDX-License-Identifier: MIT */
/* The machine's parts, for the files of vmm/app that share them. */
#ifndef VITRINE_APP_MACHINE_INTERNAL_H
#define VITRINE_APP_MACHINE_INTERNAL_H

#include <assert.h>
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
#include "vmm/core/pci.h"
#include "vmm/core/x86/boot.h"
#include "vmm/core/x86/tsc.h"

/* The devices that stay: shared folders, entropy, vsock, the balloon, and the screen's devices. */
#define MACHINE_MAX_DEVS (SHARE_OPTIONS_MAX + 3 + SCREEN_MAX_DEVS)
static_assert(OPTIONS_MAX_DISKS + NET_OPTIONS_MAX <= PCI_MAX_DEVS - PCI_FIRST_REMOVABLE,
              "disks and network cards have one too");

struct control_verb;
struct json_object;

/* What vCPU threads tell the main loop, one bit each. */
enum machine_event {
    MACHINE_POWER_OFF = 1 << 0,
    MACHINE_RESET = 1 << 1,
    MACHINE_PANIC = 1 << 2,
    MACHINE_CRASH = 1 << 3,
    MACHINE_EJECT = 1 << 4, /* machine->ejected says which */
};

/* A device that can be taken away. */
struct machine_slot {
    enum machine_slot_kind { SLOT_EMPTY, SLOT_DISK, SLOT_NET } kind;
    unsigned index; /* among its kind */
    struct virtio_pci *virtio;
    bool asked_back; /* the guest was asked to let go of it */
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
    struct pci_slots *pci_slots;
    struct machine_slot slot[PCI_MAX_DEVS]; /* what comes and goes, by PCI slot */
    _Atomic uint32_t ejected; /* slots that the guest is done with; set by vCPU threads */

    struct disks *disks;
    struct nets *nets;
    struct shares *shares;
    struct loop_thread io; /* shared by the small devices */
    bool io_running;
    struct virtio_dev *rng;
    struct virtio_dev *vsock, *balloon; /* NULL: there is none */
    struct screen *screen;              /* NULL: no graphics card */
    struct screen_shot *shot;           /* one that is under way; or NULL */
    struct control_call *shot_call;
    unsigned n_virtio;
    struct virtio_pci *virtio[MACHINE_MAX_DEVS];

    struct console *console;
    struct control *control;
    struct list nets_adding;  /* struct net_adding.link */
    struct list disks_adding; /* struct disk_adding.link */
    char error[512];          /* what a verb says that could not do what it was asked for */

    atomic_uint events; /* enum machine_event; set by vCPU threads, taken by event_task */
    struct loop_task event_task;
    atomic_uint resets_left;      /* transports that are still to say that they are reset */
    struct loop_task *when_reset; /* what comes then: one of these two */
    struct loop_task reset_task, eject_task;
    bool restarting, ejecting;
    uint32_t ejecting_slots;
    bool suspended;     /* by the user, or because a disk can't be written: the vCPUs are parked */
    bool disk_stuck;    /* it is suspended for that */
    bool power_pressed; /* by the window's close button, whose next press ends the machine */
    struct host_sleep *host_sleep; /* NULL: nobody tells */
    bool suspended_for_sleep;      /* the host's */
    bool tsc_marked;               /* until the host has woken: tsc_mark is from before it slept */
    struct x86_tsc_mark tsc_mark;
    unsigned reboots;
    int status;
};

/* The main loop: the machine ends, with this exit status. */
void machine_end(struct machine *machine, int status);
/* vmm/app/machine_state.c: asks all devices to reset; machine->reset_task, which is machine_restart, starts the guest anew
 * when they have. */
void machine_begin_restart(struct machine *machine);
void machine_restart(struct loop_task *task);
/* The same for what the guest has let go of; machine->eject_task, which is machine_ejected, takes it off the bus. What
 * resets the machine meanwhile waits in machine->events. */
void machine_begin_eject(struct machine *machine);
void machine_ejected(struct loop_task *task);
/* What disks and the host's sleep do to the guest. */
extern const struct disks_events machine_disks_events;
extern const struct host_sleep_events machine_sleep_events;
/* The reset button: the guest restarts in place, and runs if it was suspended. */
void machine_reset(struct machine *machine);
/* The vCPUs run, but for a guest that is suspended, restarts, or has an event under way, which is dealt with there. */
void machine_go_on(struct machine *machine);
/* The guest stands still until it is resumed. False: it did already, or did not. */
bool machine_suspend(struct machine *machine);
bool machine_resume(struct machine *machine);
/* Tells the user what the guest does, where it is not just running. */
void machine_show_state(struct machine *machine);
/* The user closed the window: the power button first, the end the second time. */
void machine_ask_to_end(struct machine *machine);

/* vmm/app/machine_slots.c: puts a device in a slot, while no vCPU runs. False is logged. */
bool machine_slots_fill(struct machine *machine, enum machine_slot_kind kind, unsigned index);
/* While no vCPU runs: takes away what the guest has let go of, or at a reset what it was asked for. */
void machine_slots_take(struct machine *machine, uint32_t ejected, bool reset);
/* Puts a device that was made on the bus, where the guest finds it; result gets its id. False is logged. */
bool machine_slots_plug(struct machine *machine, enum machine_slot_kind kind, unsigned index,
                        struct json_object *result);
/* Says that a device is "added" or "removed". */
void machine_slots_tell(struct machine *machine, const char *what, enum machine_slot_kind kind,
                        unsigned index);
/* At the end: after disks and nets have stopped. */
void machine_slots_empty(struct machine *machine);

/* The counters of disks and network cards. */
void machine_slots_add_stats(struct machine *machine, struct json_object *result);

/* Verbs of machine_slots.c's. */
const char *machine_disk_list(void *data, struct json_object *request, struct json_object *result);
const char *machine_disk_remove(void *data, struct json_object *request,
                                struct json_object *result);
const char *machine_net_list(void *data, struct json_object *request, struct json_object *result);
const char *machine_net_remove(void *data, struct json_object *request, struct json_object *result);

/* vmm/app/machine_nets.c: the verb; and at the end: those that wait for a passt have waited long enough. */
const char *machine_net_add(void *data, struct json_object *request, struct json_object *result);
void machine_nets_cancel(struct machine *machine);

/* From now on until log_catch(NULL, 0) the next error line goes to machine->error, which a verb can answer. */
void machine_catch_error(struct machine *machine);
/* What a verb answers that has to wait for that. */
extern const char machine_restarting[];

/* The control socket's verbs; ends with a NULL name. */
extern const struct control_verb machine_verbs[];

/* vmm/app/machine_disks.c: the verbs; what is done when an image is closed; and at the end: those that wait for one to be
 * have waited long enough. */
const char *machine_disk_add(void *data, struct json_object *request, struct json_object *result);
const char *machine_disk_resize(void *data, struct json_object *request,
                                struct json_object *result);
void machine_disk_closed(void *data, unsigned disk);
void machine_disks_cancel(struct machine *machine);

#endif
