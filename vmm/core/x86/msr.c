// SPDX-License-Identifier: MIT
#include "vmm/core/x86/msr.h"

#include <errno.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>

/* KVM's list, of one. */
union one_msr {
    struct kvm_msrs msrs;
    char bytes[sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)];
};

int x86_msr_get(int vcpu_fd, uint32_t index, uint64_t *value)
{
    union one_msr one = { .msrs.nmsrs = 1 };
    one.msrs.entries[0] = (struct kvm_msr_entry){ .index = index };
    if (ioctl(vcpu_fd, KVM_GET_MSRS, &one) != 1)
        return -ENXIO;
    *value = one.msrs.entries[0].data;
    return 0;
}

int x86_msr_set(int vcpu_fd, uint32_t index, uint64_t value)
{
    union one_msr one = { .msrs.nmsrs = 1 };
    one.msrs.entries[0] = (struct kvm_msr_entry){ .index = index, .data = value };
    return ioctl(vcpu_fd, KVM_SET_MSRS, &one) == 1 ? 0 : -ENXIO;
}
