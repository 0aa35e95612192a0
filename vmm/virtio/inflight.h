/* SPDX-License-Identifier: MIT */
/*
 * Which chains of a split virtqueue the device has out, in memory that outlives the device's process
 * (vhost-user, "Inflight I/O tracking"): a successor can then answer each of them exactly once.
 *
 * Every step is a store or two, so a process that is killed between any two instructions leaves a table
 * that tells what happened. The successor believes none of it without a check: whoever had the table
 * before may have been taken over by its guest.
 */
#ifndef VITRINE_VIRTIO_INFLIGHT_H
#define VITRINE_VIRTIO_INFLIGHT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

struct inflight_desc {
    uint8_t inflight; /* the chain with this head is with the device */
    uint8_t padding[5];
    uint16_t next;    /* in the list of those that were used last */
    uint64_t counter; /* orders the chains as they were taken */
};
static_assert(sizeof(struct inflight_desc) == 16, "vhost-user: DescStateSplit");

/* A queue's part of the table; all zero: not in use yet. */
struct inflight_region {
    uint64_t features;
    uint16_t version;
    uint16_t desc_num; /* the queue's size */
    uint16_t last_batch_head;
    uint16_t used_idx; /* the used ring's index that the entries are up to date with */
    struct inflight_desc desc[];
};
static_assert(sizeof(struct inflight_region) == 16, "vhost-user: QueueRegionSplit");

#define INFLIGHT_VERSION 1u
/* Regions start at multiples of this many bytes. */
#define INFLIGHT_ALIGN 64u

/* The bytes of the region of a queue with so many entries, rounded up to INFLIGHT_ALIGN. */
uint64_t inflight_region_size(uint16_t queue_size);

/* Brings the region of a queue that is about to start up to date with its used ring's index. The number
 * of chains that a predecessor left, at most size; -ENODATA where there was none (the region is then set
 * up); -EINVAL where the region is not one of this queue. *counter: what the next chain is to be given. */
int inflight_adopt(struct inflight_region *region, uint16_t size, uint16_t used_idx,
                   uint64_t *counter);
/* Of the chains in flight, the one that was taken first; false where there is none. */
bool inflight_oldest(const struct inflight_region *region, uint16_t size, uint16_t *head);

/* The device takes a chain: before it acts on it. */
static inline void inflight_take(struct inflight_region *region, uint16_t head, uint64_t counter)
{
    region->desc[head].counter = counter;
    __atomic_store_n(&region->desc[head].inflight, 1, __ATOMIC_RELEASE);
}

/* The device gives a chain back: `giving` before the used ring's index is stored, `given` after. */
static inline void inflight_giving(struct inflight_region *region, uint16_t head)
{
    region->desc[head].next = region->last_batch_head;
    __atomic_store_n(&region->last_batch_head, head, __ATOMIC_RELEASE);
}

static inline void inflight_given(struct inflight_region *region, uint16_t head, uint16_t used_idx)
{
    __atomic_store_n(&region->desc[head].inflight, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&region->used_idx, used_idx, __ATOMIC_RELEASE);
}

#endif
