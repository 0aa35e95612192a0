// SPDX-License-Identifier: MIT
#include "vmm/core/kvm_stats.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

/* Ten times what Linux 6.18 has; what claims to be larger is not read. */
#define MAX_KINDS 512
#define MAX_NAME 256
#define MAX_DATA (64 * 1024)

const char *const kvm_stats_names[KVM_STATS_KINDS] = {
    "exits",
    "io_exits",
    "mmio_exits",
    "halt_exits",
    "irq_exits",
    "irq_window_exits",
    "nmi_window_exits",
    "request_irq_exits",
    "signal_exits",
    "notify_window_exits",
    "hypercalls",
    "insn_emulation",
    "pf_taken",
    "halt_wakeup",
    "l1d_flush",
    "nested_run",
};

/* A number that only grows and stands alone. */
static bool is_counter(const struct kvm_stats_desc *desc)
{
    return (desc->flags & KVM_STATS_TYPE_MASK) == KVM_STATS_TYPE_CUMULATIVE &&
           (desc->flags & KVM_STATS_UNIT_MASK) == KVM_STATS_UNIT_NONE && desc->exponent == 0 &&
           desc->size == 1;
}

static int find_kind(const char *name)
{
    for (int i = 0; i < KVM_STATS_KINDS; i++) {
        if (strcmp(kvm_stats_names[i], name) == 0)
            return i;
    }
    return -1;
}

/* Takes one of the kernel's descriptions, if it is of a counter that is looked for. */
static int take(struct kvm_stats *stats, const char *bytes, size_t name_size)
{
    const char *name = bytes + sizeof(struct kvm_stats_desc);
    struct kvm_stats_desc desc;
    memcpy(&desc, bytes, sizeof(desc));
    if (!memchr(name, '\0', name_size))
        return -EPROTO;
    int kind = find_kind(name);
    if (kind < 0 || !is_counter(&desc))
        return 0;
    if (stats->has[kind] || desc.offset > MAX_DATA - sizeof(uint64_t))
        return -EPROTO;
    stats->has[kind] = true;
    stats->at[kind] = desc.offset;
    return 0;
}

/* Narrows what is read down to the counters that are wanted. */
static int settle(struct kvm_stats *stats, uint64_t data_offset)
{
    size_t first = SIZE_MAX, end = 0;
    for (unsigned i = 0; i < KVM_STATS_KINDS; i++) {
        if (!stats->has[i])
            continue;
        first = MIN(first, stats->at[i]);
        end = MAX(end, stats->at[i] + sizeof(uint64_t));
    }
    if (end == 0)
        return -EPROTO;
    for (unsigned i = 0; i < KVM_STATS_KINDS; i++)
        stats->at[i] -= stats->has[i] ? first : 0;
    stats->offset = data_offset + first;
    stats->len = end - first;
    return 0;
}

static int describe(struct kvm_stats *stats)
{
    struct kvm_stats_header header;
    int err = fd_pread_full(stats->fd, &header, sizeof(header), 0);
    if (err < 0)
        return err;
    if (header.num_desc == 0 || header.num_desc > MAX_KINDS || header.name_size == 0 ||
        header.name_size > MAX_NAME)
        return -EPROTO;
    size_t size = sizeof(struct kvm_stats_desc) + header.name_size;
    autofree char *descs = calloc(header.num_desc, size);
    if (!descs)
        return -ENOMEM;
    err = fd_pread_full(stats->fd, descs, header.num_desc * size, header.desc_offset);
    for (uint32_t i = 0; i < header.num_desc && err == 0; i++)
        err = take(stats, descs + i * size, header.name_size);
    return err < 0 ? err : settle(stats, header.data_offset);
}

int kvm_stats_init(struct kvm_stats *stats, int fd)
{
    *stats = (struct kvm_stats){ .fd = fd };
    int err = describe(stats);
    if (err < 0)
        kvm_stats_finish(stats);
    return err;
}

void kvm_stats_finish(struct kvm_stats *stats)
{
    if (stats->fd >= 0)
        close(stats->fd);
    stats->fd = -1;
}

bool kvm_stats_add(const struct kvm_stats *stats, struct kvm_stats_sum *sum)
{
    autofree char *data = stats->fd < 0 ? NULL : malloc(stats->len);
    if (!data || fd_pread_full(stats->fd, data, stats->len, stats->offset) < 0)
        return false;
    for (unsigned i = 0; i < KVM_STATS_KINDS; i++) {
        uint64_t count;
        if (!stats->has[i])
            continue;
        memcpy(&count, data + stats->at[i], sizeof(count));
        sum->count[i] += count;
        sum->has[i] = true;
    }
    return true;
}
