/* SPDX-License-Identifier: MIT */
/* A vCPU's model-specific registers, one by one, as the host has them. Waits for a vCPU that runs. */
#ifndef VITRINE_CORE_X86_MSR_H
#define VITRINE_CORE_X86_MSR_H

#include <stdint.h>

#define X86_MSR_TSC 0x10
#define X86_MSR_TSC_DEADLINE 0x6e0

/* 0, or -ENXIO where KVM does not have it so. */
int x86_msr_get(int vcpu_fd, uint32_t index, uint64_t *value);
int x86_msr_set(int vcpu_fd, uint32_t index, uint64_t value);

#endif
