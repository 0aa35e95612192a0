/* SPDX-License-Identifier: MIT */
/*
 * The virtual CPUs: one thread each, which runs the guest and carries its port and memory-mapped
 * accesses to the buses. CPU 0 boots; the others wait for the guest's INIT and SIPI, which the
 * kernel's local APICs carry out.
 *
 * A vCPU is running or parked. vcpus_create() leaves all parked.
 */
#ifndef VITRINE_CORE_VCPU_H
#define VITRINE_CORE_VCPU_H

#include <stdbool.h>
#include <stdint.h>

#define VCPU_MAX 64

struct bus;
struct kvm;
struct kvm_stats_sum;
struct vcpus;
struct x86_entry;
struct x86_tsc_mark;

/* Why a vCPU can't go on. The details are in the log by then. */
enum vcpu_crash {
    VCPU_TRIPLE_FAULT,      /* the guest's own doing, or its way to reset the machine */
    VCPU_EMULATION_FAILURE, /* the guest runs what KVM cannot */
    VCPU_KVM_FAILURE,       /* the host's KVM refuses to go on */
};

struct vcpus_config {
    struct kvm *kvm;
    const struct bus *pio, *mmio; /* complete: nothing is added later */
    unsigned count;               /* 1..VCPU_MAX */
    /* On the thread of the vCPU that stopped, once for each run, and before it parks where all are being
     * parked already; all vCPUs park. Typically posts a task to the main loop. */
    void (*crashed)(void *data, enum vcpu_crash crash);
    void *data;
};

/* Creates the vCPUs with their CPUID and starts their threads, parked. Everything in config
 * outlives them. NULL where the host refuses; the reason is logged. */
struct vcpus *vcpus_create(const struct vcpus_config *config);
/* Stops the threads and joins them. Accepts NULL. Not on a vCPU thread. */
void vcpus_destroy(struct vcpus *vcpus);

/* While parked: puts CPU 0 where the loaded kernel starts. False (logged) where KVM refuses. */
bool vcpus_set_entry(struct vcpus *vcpus, const struct x86_entry *entry);
/* While parked: brings the vCPUs, their local APICs, the interrupt controllers and the timer back to
 * their state at power-on. vcpus_set_entry() comes next. False (logged) where KVM refuses. */
bool vcpus_reset(struct vcpus *vcpus);

/* Lets all vCPUs run. */
void vcpus_run(struct vcpus *vcpus);
/* Asks all vCPUs to park and does not wait. Any thread: a vCPU thread that calls this in a bus
 * handler runs no further guest instruction. */
void vcpus_park(struct vcpus *vcpus);
/* Parks all vCPUs and waits until they are. Not on a vCPU thread. */
void vcpus_pause(struct vcpus *vcpus);

/* While parked, before they run on: the guest is told that it stood still, so that its watchdogs do not take
 * the time that is missing for a hang. Its clock goes on with the host's. */
void vcpus_tell_paused(struct vcpus *vcpus);

/* While parked: where the guest's time stamp counter is now. False: KVM does not tell. */
bool vcpus_mark_tsc(struct vcpus *vcpus, struct x86_tsc_mark *mark);
/* While parked, later: gives the guest's counters, all alike, what they lack since then, because the host has slept.
 * How much that was, in nanoseconds; 0: nothing, or KVM does not allow it, which is logged. */
uint64_t vcpus_catch_up_tsc(struct vcpus *vcpus, const struct x86_tsc_mark *then);

/* How often a vCPU came back from the guest to us, by reason. */
struct vcpu_stats {
    uint64_t pio, mmio; /* accesses that our buses served */
    uint64_t signals;   /* kicks from our side */
    uint64_t others;
};

/* Any thread, at any time. */
void vcpus_stats(const struct vcpus *vcpus, unsigned index, struct vcpu_stats *stats);
/* What the kernel counts itself, of all vCPUs together: one read for each. False: this kernel tells nothing. Any
 * thread, at any time. */
bool vcpus_kernel_stats(const struct vcpus *vcpus, struct kvm_stats_sum *sum);

#endif
