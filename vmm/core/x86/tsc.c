// SPDX-License-Identifier: MIT
#include "vmm/core/x86/tsc.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <time.h>

#include "vmm/core/x86/msr.h"

#define NS_PER_MS 1000000ull
/* The host may take the processor from us between two readings; so often it is tried again. */
#define READINGS 5
#define CLOSE_NS 20000

/* False: beyond 64 bits, which no sleep is. */
static bool to_ticks(uint64_t ns, uint32_t khz, uint64_t *ticks)
{
    return !__builtin_mul_overflow(ns / NS_PER_MS, (uint64_t)khz, ticks) &&
           !__builtin_add_overflow(*ticks, ns % NS_PER_MS * khz / NS_PER_MS, ticks);
}

uint64_t x86_tsc_lacking(const struct x86_tsc_mark *then, const struct x86_tsc_mark *now,
                         uint32_t khz)
{
    uint64_t ticks, least;
    if (now->boot_ns <= then->boot_ns)
        return 0;
    uint64_t passed = now->boot_ns - then->boot_ns;
    if (!to_ticks(passed, khz, &ticks) || !to_ticks(NS_PER_MS + passed / 1000, khz, &least))
        return 0;
    /* As the counter itself, the difference wraps around; with the upper bit, the counter is ahead. */
    uint64_t lacking = then->tsc + ticks - now->tsc;
    return lacking > INT64_MAX || lacking <= least ? 0 : lacking;
}

static uint64_t boot_time(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_BOOTTIME, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

int x86_tsc_read(int vcpu_fd, struct x86_tsc_mark *mark)
{
    uint64_t best = UINT64_MAX;
    for (unsigned i = 0; i < READINGS && best > CLOSE_NS; i++) {
        uint64_t tsc, before = boot_time();
        int err = x86_msr_get(vcpu_fd, X86_MSR_TSC, &tsc);
        uint64_t took = boot_time() - before;
        if (err < 0)
            return err;
        if (took >= best)
            continue;
        best = took;
        *mark = (struct x86_tsc_mark){ .tsc = tsc, .boot_ns = before + took / 2 };
    }
    return 0;
}

/* The attribute of Linux 5.16: what is added to the host's counter. */
static int add_to_offset(int vcpu_fd, uint64_t ticks)
{
    uint64_t offset = 0;
    struct kvm_device_attr attr = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)&offset,
    };
    if (ioctl(vcpu_fd, KVM_GET_DEVICE_ATTR, &attr) < 0)
        return -errno;
    offset += ticks;
    return ioctl(vcpu_fd, KVM_SET_DEVICE_ATTR, &attr) < 0 ? -errno : 0;
}

/* KVM brings into step by itself what is written to several vCPUs within a second. */
static int add_to_msr(int vcpu_fd, uint64_t ticks)
{
    uint64_t tsc;
    int err = x86_msr_get(vcpu_fd, X86_MSR_TSC, &tsc);
    return err < 0 ? err : x86_msr_set(vcpu_fd, X86_MSR_TSC, tsc + ticks);
}

int x86_tsc_add(int vcpu_fd, uint64_t ticks)
{
    uint64_t deadline;
    int err = add_to_offset(vcpu_fd, ticks);
    if (err < 0)
        err = add_to_msr(vcpu_fd, ticks);
    /* KVM waits for the deadline by a clock of its own, whose rest it finds anew when it is set. */
    if (err == 0 && x86_msr_get(vcpu_fd, X86_MSR_TSC_DEADLINE, &deadline) == 0 && deadline > 0)
        (void)x86_msr_set(vcpu_fd, X86_MSR_TSC_DEADLINE, deadline);
    return err;
}
