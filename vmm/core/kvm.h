/* SPDX-License-Identifier: MIT */
/* The kernel's virtual machine: what all parts of ours share of it. */
#ifndef VITRINE_CORE_KVM_H
#define VITRINE_CORE_KVM_H

#include <stdbool.h>
#include <stdint.h>

struct guest_mem;

struct kvm {
    int sys_fd;             /* /dev/kvm */
    int vm_fd;              /* KVM_CREATE_VM's */
    unsigned vcpu_map_size; /* bytes of struct kvm_run's mapping */
};

/* Opens /dev/kvm and creates a VM with in-kernel irqchip and PIT. False where it cannot be had; the
 * reason and the remedy are logged in one line. */
bool kvm_init(struct kvm *kvm);
void kvm_finish(struct kvm *kvm);

/* Whether the host's processor virtualises in hardware (vmx or svm in /proc/cpuinfo). */
bool kvm_host_has_hardware(void);

/* Gives the VM its RAM: one memory slot for each region. 0 or a negative errno. */
int kvm_set_memory(struct kvm *kvm, const struct guest_mem *mem);

/* Makes a guest write of any length to the MMIO address signal eventfd inside the kernel, or stops
 * that. 0 or a negative errno. Any thread. */
int kvm_ioeventfd_add(struct kvm *kvm, uint64_t gpa, int eventfd);
int kvm_ioeventfd_remove(struct kvm *kvm, uint64_t gpa, int eventfd);

#endif
