/* SPDX-License-Identifier: MIT */
/* One queue, device's side and driver's, in a small guest's memory. */
#ifndef VITRINE_TESTS_UNIT_VIRTQ_BED_H
#define VITRINE_TESTS_UNIT_VIRTQ_BED_H

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/ring.h"
#include "tests/test.h"
#include "vmm/base/util.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/virtq.h"

#define RAM (4 * MIB)
#define RING_GPA 0x10000ull
#define TABLE_GPA 0x80000ull
#define DATA_GPA 0x100000ull
#define SIZE 8

static const struct virtio_ops ops = { .name = "test" };

struct bed {
    struct guest_mem mem;
    struct ring ring;
    struct virtio_dev dev;
    struct virtq q;
    struct virtq_chain chain;
};

static inline void start(struct bed *bed, uint16_t size, bool event_idx)
{
    ring_init(&bed->ring, &bed->mem, RING_GPA, size, event_idx, NULL);
    ring_give(&bed->ring, &bed->q);
    assert_int_equal(virtq_start(&bed->q, &bed->mem, event_idx, 0), 0);
}

/* Both sides' indices stand at idx, as they would after that many chains. */
static inline void start_at(struct bed *bed, uint16_t size, bool event_idx, uint16_t idx)
{
    ring_init(&bed->ring, &bed->mem, RING_GPA, size, event_idx, NULL);
    struct ring *ring = &bed->ring;
    ring->avail_idx = ring->kicked_idx = ring->last_used = idx;
    ring->avail->idx = ring->used->idx = idx;
    ring_give(ring, &bed->q);
    assert_int_equal(virtq_start(&bed->q, &bed->mem, event_idx, idx), 0);
}

static inline int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    assert_int_equal(guest_mem_create(&bed->mem, RAM), 0);
    bed->dev.ops = &ops;
    bed->q.dev = &bed->dev;
    bed->q.call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    start(bed, SIZE, false);
    *state = bed;
    return 0;
}

static inline int tear_down(void **state)
{
    struct bed *bed = *state;
    virtq_stop(&bed->q);
    close(bed->q.call_fd);
    guest_mem_finish(&bed->mem);
    free(bed);
    return 0;
}

static inline struct vring_desc *table(struct bed *bed)
{
    return guest_mem_ptr(&bed->mem, TABLE_GPA, 0x10000);
}

static inline int pop(struct bed *bed)
{
    return virtq_pop(&bed->q, &bed->chain);
}

/* The next number of a reproducible sequence. */
static inline uint32_t rnd(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
