/* SPDX-License-Identifier: MIT */
/*
 * A guest's time stamp counter over the host's sleep. Linux takes it for its clock where the processor says that it
 * is invariant; but while the host sleeps it may stand still, or begin anew, in which case KVM lets the guest's go on
 * from where it was. Either way it lacks the sleep then, which is given to it before the guest goes on.
 */
#ifndef VITRINE_CORE_X86_TSC_H
#define VITRINE_CORE_X86_TSC_H

#include <stdbool.h>
#include <stdint.h>

/* Where the counter was, and when: CLOCK_BOOTTIME, which counts the host's sleep. */
struct x86_tsc_mark {
    uint64_t tsc, boot_ns;
};

/* How many ticks of khz the counter lacks now, if it should have gone on since then. 0 where it did, or where what it
 * lacks is too little to tell from what the clocks differ in: a millisecond, and a thousandth of the time between.
 * Never what would turn it back. */
uint64_t x86_tsc_lacking(const struct x86_tsc_mark *then, const struct x86_tsc_mark *now,
                         uint32_t khz);

/* While the vCPU is parked. Negative errnos where KVM does not have it. */
int x86_tsc_read(int vcpu_fd, struct x86_tsc_mark *mark);
/* Puts the counter forward, and with it the timer that the guest has set by it (TSC deadline). The same number for
 * each vCPU leaves them in step. */
int x86_tsc_add(int vcpu_fd, uint64_t ticks);

#endif
