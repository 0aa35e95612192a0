/* SPDX-License-Identifier: MIT */
/*
 * A vCPU's registers and the VM's interrupt controllers and timer: what they are at power-on, kept
 * so that a reset can bring it back; and where a loaded kernel starts.
 */
#ifndef VITRINE_CORE_X86_STATE_H
#define VITRINE_CORE_X86_STATE_H

#include <stddef.h>

struct kvm;
struct x86_chips_state;
struct x86_cpu_state;
struct x86_entry;

/* The state right after creation, with the few MSRs set that firmware would set; on the heap. NULL: errno says why. */
struct x86_cpu_state *x86_cpu_save(const struct kvm *kvm, int vcpu_fd);
void x86_cpu_state_free(struct x86_cpu_state *state);
/* Brings a vCPU that does not run back to the state. 0 or a negative errno. */
int x86_cpu_restore(int vcpu_fd, const struct x86_cpu_state *state);

/* The PICs, the IOAPIC and the PIT; likewise. */
struct x86_chips_state *x86_chips_save(const struct kvm *kvm);
void x86_chips_state_free(struct x86_chips_state *state);
int x86_chips_restore(const struct kvm *kvm, const struct x86_chips_state *state);

/* Sets the registers of a vCPU in the state of power-on to those that the kernel's entry wants.
 * 0 or a negative errno. */
int x86_cpu_set_entry(int vcpu_fd, const struct x86_entry *entry);

/* Describes where the vCPU is, in one line, for a crash. */
void x86_cpu_describe(int vcpu_fd, char *text, size_t size);

#endif
