/* SPDX-License-Identifier: MIT */
/*
 * The kernel's own counters of a vCPU (KVM_GET_STATS_FD, Linux 5.14): what the processor came out of the guest for,
 * most of which never reaches the program. A file describes itself: names and places, then the numbers
 * (Documentation/virt/kvm/api.rst).
 */
#ifndef VITRINE_CORE_KVM_STATS_H
#define VITRINE_CORE_KVM_STATS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define KVM_STATS_KINDS 16

/* The kernel's names of the counters that are looked for: those that say why a vCPU came out. */
extern const char *const kvm_stats_names[KVM_STATS_KINDS];

/* A vCPU's counters, of those that this kernel has. */
struct kvm_stats {
    int fd; /* owned; -1: there is none */
    uint64_t offset;
    size_t len;                 /* of the part of the file that holds them all */
    size_t at[KVM_STATS_KINDS]; /* in that part */
    bool has[KVM_STATS_KINDS];
};

/* Takes over KVM_GET_STATS_FD's file, also where it fails: one that does not describe what it should is closed, and
 * -EPROTO returned; other negative errnos are those of reading it. */
int kvm_stats_init(struct kvm_stats *stats, int fd);
void kvm_stats_finish(struct kvm_stats *stats);

/* Counters of several vCPUs together. */
struct kvm_stats_sum {
    uint64_t count[KVM_STATS_KINDS];
    bool has[KVM_STATS_KINDS];
};

/* Adds what the counters are now: one read, in any thread, while the vCPU runs. False: it could not be read. */
bool kvm_stats_add(const struct kvm_stats *stats, struct kvm_stats_sum *sum);

#endif
