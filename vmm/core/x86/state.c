// SPDX-License-Identifier: MIT
#include "vmm/core/x86/state.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/util.h"
#include "vmm/core/kvm.h"
#include "vmm/core/layout.h"
#include "vmm/core/x86/boot.h"
#include "vmm/core/x86/msr.h"

#define MSR_MISC_ENABLE 0x1a0
#define MSR_MTRR_DEF_TYPE 0x2ff

#define CR0_PE 0x1ull
#define CR0_ET 0x10ull
#define CR0_PG 0x80000000ull
#define CR4_PAE 0x20ull
#define EFER_LME 0x100ull
#define EFER_LMA 0x400ull

struct x86_cpu_state {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    struct kvm_fpu fpu;
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debugregs;
    struct kvm_lapic_state lapic;
    struct kvm_mp_state mp_state;
    struct kvm_vcpu_events events;
    bool has_xcrs, has_debugregs;
    unsigned n_msrs;
    struct kvm_msr_entry msrs[];
};

struct x86_chips_state {
    struct kvm_irqchip chip[3]; /* PIC, PIC, IOAPIC */
    struct kvm_pit_state2 pit;
};

/* The MSRs that KVM carries for a guest, on the heap. */
static struct kvm_msr_list *msr_list(const struct kvm *kvm)
{
    struct kvm_msr_list count = { 0 };
    if (ioctl(kvm->sys_fd, KVM_GET_MSR_INDEX_LIST, &count) == 0 || errno != E2BIG)
        return NULL;
    struct kvm_msr_list *list = calloc(1, sizeof(*list) + count.nmsrs * sizeof(list->indices[0]));
    if (!list)
        return NULL;
    list->nmsrs = count.nmsrs;
    if (ioctl(kvm->sys_fd, KVM_GET_MSR_INDEX_LIST, list) < 0) {
        free(list);
        return NULL;
    }
    return list;
}

struct x86_cpu_state *x86_cpu_save(const struct kvm *kvm, int vcpu_fd)
{
    autofree struct kvm_msr_list *list = msr_list(kvm);
    if (!list)
        return NULL;
    autofree struct x86_cpu_state *state =
        calloc(1, sizeof(*state) + list->nmsrs * sizeof(state->msrs[0]));
    if (!state)
        return NULL;
    /* What firmware leaves: memory is write-back, string instructions are fast. Neither matters to
     * KVM, and an old one may refuse them. */
    (void)x86_msr_set(vcpu_fd, MSR_MTRR_DEF_TYPE, 0x806);
    (void)x86_msr_set(vcpu_fd, MSR_MISC_ENABLE, 0x1);
    if (ioctl(vcpu_fd, KVM_GET_REGS, &state->regs) < 0 ||
        ioctl(vcpu_fd, KVM_GET_SREGS, &state->sregs) < 0 ||
        ioctl(vcpu_fd, KVM_GET_FPU, &state->fpu) < 0 ||
        ioctl(vcpu_fd, KVM_GET_LAPIC, &state->lapic) < 0 ||
        ioctl(vcpu_fd, KVM_GET_MP_STATE, &state->mp_state) < 0 ||
        ioctl(vcpu_fd, KVM_GET_VCPU_EVENTS, &state->events) < 0)
        return NULL;
    state->has_xcrs = ioctl(vcpu_fd, KVM_GET_XCRS, &state->xcrs) == 0 && state->xcrs.nr_xcrs > 0;
    state->has_debugregs = ioctl(vcpu_fd, KVM_GET_DEBUGREGS, &state->debugregs) == 0;
    /* The TSC runs on over a reset: setting it back would unsynchronise the vCPUs. */
    for (unsigned i = 0; i < list->nmsrs; i++) {
        struct kvm_msr_entry msr = { .index = list->indices[i] };
        uint64_t value;
        if (msr.index == X86_MSR_TSC || x86_msr_get(vcpu_fd, msr.index, &value) < 0)
            continue;
        msr.data = value;
        state->msrs[state->n_msrs++] = msr;
    }
    return steal_ptr(state);
}

void x86_cpu_state_free(struct x86_cpu_state *state)
{
    free(state);
}

int x86_cpu_restore(int vcpu_fd, const struct x86_cpu_state *state)
{
    /* Some of KVM's MSRs can be read but not set, or only to what they are: those stay. The clocks
     * and other areas that KVM itself writes in guest memory are among those set, to "off". */
    for (unsigned i = 0; i < state->n_msrs; i++)
        (void)x86_msr_set(vcpu_fd, state->msrs[i].index, state->msrs[i].data);
    if (ioctl(vcpu_fd, KVM_SET_MP_STATE, &state->mp_state) < 0 ||
        ioctl(vcpu_fd, KVM_SET_VCPU_EVENTS, &state->events) < 0 ||
        ioctl(vcpu_fd, KVM_SET_SREGS, &state->sregs) < 0 ||
        ioctl(vcpu_fd, KVM_SET_REGS, &state->regs) < 0 ||
        ioctl(vcpu_fd, KVM_SET_FPU, &state->fpu) < 0 ||
        (state->has_xcrs && ioctl(vcpu_fd, KVM_SET_XCRS, &state->xcrs) < 0) ||
        (state->has_debugregs && ioctl(vcpu_fd, KVM_SET_DEBUGREGS, &state->debugregs) < 0) ||
        ioctl(vcpu_fd, KVM_SET_LAPIC, &state->lapic) < 0)
        return -errno;
    return 0;
}

struct x86_chips_state *x86_chips_save(const struct kvm *kvm)
{
    static const uint32_t ids[3] = { KVM_IRQCHIP_PIC_MASTER, KVM_IRQCHIP_PIC_SLAVE,
                                     KVM_IRQCHIP_IOAPIC };
    autofree struct x86_chips_state *state = calloc(1, sizeof(*state));
    if (!state)
        return NULL;
    for (unsigned i = 0; i < ARRAY_LEN(ids); i++) {
        state->chip[i].chip_id = ids[i];
        if (ioctl(kvm->vm_fd, KVM_GET_IRQCHIP, &state->chip[i]) < 0)
            return NULL;
    }
    if (ioctl(kvm->vm_fd, KVM_GET_PIT2, &state->pit) < 0)
        return NULL;
    return steal_ptr(state);
}

void x86_chips_state_free(struct x86_chips_state *state)
{
    free(state);
}

int x86_chips_restore(const struct kvm *kvm, const struct x86_chips_state *state)
{
    for (unsigned i = 0; i < ARRAY_LEN(state->chip); i++) {
        if (ioctl(kvm->vm_fd, KVM_SET_IRQCHIP, &state->chip[i]) < 0)
            return -errno;
    }
    return ioctl(kvm->vm_fd, KVM_SET_PIT2, &state->pit) < 0 ? -errno : 0;
}

static struct kvm_segment flat_segment(uint16_t selector, bool code, bool long_mode)
{
    return (struct kvm_segment){
        .base = 0,
        .limit = 0xffffffff,
        .selector = selector,
        .type = code ? 0xb : 0x3, /* accessed; execute and read, or read and write */
        .present = 1,
        .db = !(code && long_mode),
        .s = 1,
        .l = code && long_mode,
        .g = 1,
    };
}

int x86_cpu_set_entry(int vcpu_fd, const struct x86_entry *entry)
{
    bool long_mode = entry->mode == X86_ENTRY_LONG_MODE;
    struct kvm_sregs sregs;
    if (ioctl(vcpu_fd, KVM_GET_SREGS, &sregs) < 0)
        return -errno;

    /* Selectors and descriptors agree with the table that the loader put at LAYOUT_GDT. */
    sregs.cs = flat_segment(0x10, true, long_mode);
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = flat_segment(0x18, false, long_mode);
    sregs.tr = (struct kvm_segment){ .limit = 0x67, .selector = 0x20, .type = 0xb, .present = 1 };
    sregs.ldt = (struct kvm_segment){ .type = 0x2, .unusable = 1 };
    sregs.gdt.base = LAYOUT_GDT;
    sregs.gdt.limit = 6 * 8 - 1;
    sregs.idt.base = 0;
    sregs.idt.limit = 0;
    sregs.cr0 = CR0_PE | CR0_ET;
    sregs.cr4 = 0;
    sregs.efer = 0;
    if (long_mode) {
        sregs.cr0 |= CR0_PG;
        sregs.cr3 = LAYOUT_PAGE_TABLES;
        sregs.cr4 |= CR4_PAE;
        sregs.efer |= EFER_LME | EFER_LMA;
    }
    struct kvm_regs regs = {
        .rip = entry->rip,
        .rflags = 0x2,
        .rsp = long_mode ? LAYOUT_BOOT_STACK : 0,
        .rsi = long_mode ? entry->info : 0,
        .rbx = long_mode ? 0 : entry->info,
    };
    if (ioctl(vcpu_fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu_fd, KVM_SET_REGS, &regs) < 0)
        return -errno;
    return 0;
}

void x86_cpu_describe(int vcpu_fd, char *text, size_t size)
{
    struct kvm_regs r;
    struct kvm_sregs s;
    if (ioctl(vcpu_fd, KVM_GET_REGS, &r) < 0 || ioctl(vcpu_fd, KVM_GET_SREGS, &s) < 0) {
        snprintf(text, size, "registers unknown");
        return;
    }
    /* On AMD's processors KVM has reset the vCPU by the time that it tells of a triple fault. */
    if (r.rip == 0xfff0 && !(s.cr0 & CR0_PE)) {
        snprintf(text, size, "registers lost");
        return;
    }
    snprintf(text, size,
             "rip=%llx cs=%x rsp=%llx rflags=%llx cr0=%llx cr2=%llx cr3=%llx cr4=%llx efer=%llx",
             r.rip, s.cs.selector, r.rsp, r.rflags, s.cr0, s.cr2, s.cr3, s.cr4, s.efer);
}
