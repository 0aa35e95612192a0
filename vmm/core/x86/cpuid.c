// SPDX-License-Identifier: MIT
/*
 * Leaves and bits: Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E; KVM's leaves in
 * Documentation/virt/kvm/x86/cpuid.rst of Linux.
 */
#include "vmm/core/x86/cpuid.h"

#include <asm/kvm_para.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "vmm/base/util.h"
#include "vmm/core/kvm.h"

#define LOG_MODULE "cpuid"
#include "vmm/base/log.h"

#define MAX_ENTRIES 256

#define BIT(n) (1u << (n))
#define LEAF1_ECX_VMX BIT(5)
#define LEAF1_ECX_TSC_DEADLINE BIT(24)
#define LEAF1_ECX_HYPERVISOR BIT(31)
#define LEAF1_EDX_HTT BIT(28)
#define LEAF7_EBX_SGX BIT(2)
#define LEAF7_EDX_HYBRID BIT(15)
#define EXT1_ECX_CMP_LEGACY BIT(1)
#define EXT1_ECX_SVM BIT(2)
#define EXT1_ECX_PERF_CORE BIT(23)
#define EXT1_ECX_PERF_NB BIT(24)
#define EXT1_ECX_PERF_LLC BIT(28)

static struct kvm_cpuid_entry2 *find(struct kvm_cpuid2 *cpuid, uint32_t leaf, uint32_t index)
{
    for (unsigned i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        if (e->function == leaf &&
            (!(e->flags & KVM_CPUID_FLAG_SIGNIFCANT_INDEX) || e->index == index))
            return e;
    }
    return NULL;
}

static void drop(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < cpuid->nent; i++) {
        if (cpuid->entries[i].function != leaf)
            cpuid->entries[kept++] = cpuid->entries[i];
    }
    cpuid->nent = kept;
}

static struct kvm_cpuid_entry2 *add(struct kvm_cpuid2 *cpuid, uint32_t leaf)
{
    /* x86_cpuid_create() leaves room for what is added. */
    BUG_ON(cpuid->nent == MAX_ENTRIES);
    struct kvm_cpuid_entry2 *e = &cpuid->entries[cpuid->nent++];
    *e = (struct kvm_cpuid_entry2){ .function = leaf };
    return e;
}

/* The bits that an APIC id needs to tell `count` cores apart. */
static unsigned id_bits(unsigned count)
{
    unsigned bits = 0;
    while ((1u << bits) < count)
        bits++;
    return bits;
}

/* Sharing of caches: the outermost level is the socket's, the others a core's own. */
static void set_cache_sharing(struct kvm_cpuid_entry2 *e, unsigned count)
{
    unsigned level = e->eax >> 5 & 7;
    unsigned sharing = level >= 3 ? count : 1;
    e->eax = (e->eax & ~(0xfffu << 14)) | (sharing - 1) << 14;
}

static void add_topology(struct kvm_cpuid2 *cpuid, unsigned count)
{
    drop(cpuid, 0x1f);
    drop(cpuid, 0xb);
    struct kvm_cpuid_entry2 *e = find(cpuid, 0, 0);
    if (!e || e->eax < 0xb)
        return;
    /* Level 0: threads, one each; level 1: the cores of the only socket; level 2 ends the list. */
    for (uint32_t level = 0; level < 3; level++) {
        e = add(cpuid, 0xb);
        e->index = level;
        e->flags = KVM_CPUID_FLAG_SIGNIFCANT_INDEX;
        if (level < 2) {
            e->eax = level == 0 ? 0 : id_bits(count);
            e->ebx = level == 0 ? 1 : count;
        }
        e->ecx = level | (level < 2 ? (level + 1) << 8 : 0);
    }
}

static void set_basic_leaves(const struct kvm *kvm, struct kvm_cpuid2 *cpuid, unsigned count)
{
    struct kvm_cpuid_entry2 *e = find(cpuid, 1, 0);
    if (e) {
        e->ecx = (e->ecx & ~LEAF1_ECX_VMX) | LEAF1_ECX_HYPERVISOR;
        if (ioctl(kvm->sys_fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0)
            e->ecx |= LEAF1_ECX_TSC_DEADLINE;
        e->edx &= ~LEAF1_EDX_HTT;
        if (count > 1)
            e->edx |= LEAF1_EDX_HTT;
    }
    e = find(cpuid, 7, 0);
    if (e) {
        e->ebx &= ~LEAF7_EBX_SGX;
        e->edx &= ~LEAF7_EDX_HYBRID;
    }
    for (unsigned i = 0; i < cpuid->nent; i++) {
        e = &cpuid->entries[i];
        if (e->function == 4 && (e->eax & 0x1f) != 0) {
            set_cache_sharing(e, count);
            e->eax = (e->eax & ~(0x3fu << 26)) | (count - 1) << 26;
        } else if (e->function == 0x8000001d) {
            set_cache_sharing(e, count);
        } else if (e->function == 0xa || e->function == 0x12 || e->function == 0x14 ||
                   e->function == 0x1a || e->function == 0x8000000a || e->function == 0x80000022) {
            /* The PMU, SGX, processor trace, hybrid cores, SVM, AMD's PMU. */
            e->eax = e->ebx = e->ecx = e->edx = 0;
        }
    }
}

/* AMD's CPUID, which Hygon's processors share. */
static bool is_amd(struct kvm_cpuid2 *cpuid)
{
    const struct kvm_cpuid_entry2 *e = find(cpuid, 0, 0);
    const uint32_t auth = 0x68747541, hygo = 0x6f677948; /* how the vendors' names begin */
    return e && (e->ebx == auth || e->ebx == hygo);
}

static void set_extended_leaves(struct kvm_cpuid2 *cpuid, unsigned count)
{
    struct kvm_cpuid_entry2 *e = find(cpuid, 0x80000001, 0);
    if (e) {
        e->ecx &= ~(EXT1_ECX_SVM | EXT1_ECX_PERF_CORE | EXT1_ECX_PERF_NB | EXT1_ECX_PERF_LLC |
                    EXT1_ECX_CMP_LEGACY);
        if (count > 1 && is_amd(cpuid))
            e->ecx |= EXT1_ECX_CMP_LEGACY;
    }
    e = find(cpuid, 0x80000008, 0);
    if (e && is_amd(cpuid))
        e->ecx = (count - 1) | id_bits(count) << 12;
}

static void set_kvm_leaves(struct kvm_cpuid2 *cpuid)
{
    struct kvm_cpuid_entry2 *e = find(cpuid, KVM_CPUID_SIGNATURE, 0);
    if (!e)
        e = add(cpuid, KVM_CPUID_SIGNATURE);
    uint32_t signature[3];
    memcpy(signature, KVM_SIGNATURE, sizeof(signature));
    e->eax = KVM_CPUID_FEATURES;
    e->ebx = signature[0];
    e->ecx = signature[1];
    e->edx = signature[2];
    e = find(cpuid, KVM_CPUID_FEATURES, 0);
    if (!e) {
        e = add(cpuid, KVM_CPUID_FEATURES);
        e->eax = BIT(KVM_FEATURE_CLOCKSOURCE) | BIT(KVM_FEATURE_CLOCKSOURCE2);
    }
}

struct kvm_cpuid2 *x86_cpuid_create(const struct kvm *kvm, unsigned count)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof(*cpuid) + MAX_ENTRIES * sizeof(cpuid->entries[0]));
    if (!cpuid) {
        log_error("no memory for the CPUID table");
        return NULL;
    }
    cpuid->nent = MAX_ENTRIES - 8; /* what add() may need */
    if (ioctl(kvm->sys_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0) {
        log_error("KVM gives no CPUID table: %s", strerror(errno));
        free(cpuid);
        return NULL;
    }
    set_basic_leaves(kvm, cpuid, count);
    set_extended_leaves(cpuid, count);
    add_topology(cpuid, count);
    set_kvm_leaves(cpuid);
    return cpuid;
}

void x86_cpuid_set_index(struct kvm_cpuid2 *cpuid, unsigned index, unsigned count)
{
    for (unsigned i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *e = &cpuid->entries[i];
        switch (e->function) {
        case 1:
            e->ebx = (e->ebx & 0xffff) | (1u << id_bits(count)) << 16 | index << 24;
            break;
        case 0xb:
            e->edx = index;
            break;
        case 0x8000001e:
            e->eax = index;
            e->ebx = index; /* core id, one thread for each */
            e->ecx = 0;     /* node 0 of 1 */
            break;
        default:
            break;
        }
    }
}
