/* SPDX-License-Identifier: MIT */
/*
 * What the guest's processors say of themselves: what the host's KVM supports, less what cannot work
 * here (nested virtualisation, the PMU, the host's own caches' sharing), with one socket of `count`
 * cores of one thread each. Works for AMD's and Intel's leaves.
 */
#ifndef VITRINE_CORE_X86_CPUID_H
#define VITRINE_CORE_X86_CPUID_H

#include <stdbool.h>

struct kvm;
struct kvm_cpuid2;

/* KVM's table for all vCPUs of the VM, on the heap; NULL (logged) where KVM gives none. */
struct kvm_cpuid2 *x86_cpuid_create(const struct kvm *kvm, unsigned count);
/* Adapts the table to one vCPU; its APIC id is its index. */
void x86_cpuid_set_index(struct kvm_cpuid2 *cpuid, unsigned index, unsigned count);

#endif
