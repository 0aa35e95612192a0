/* SPDX-License-Identifier: MIT */
/* The driver's side of a split virtqueue (virtio 1.2, 2.7), for tests: rings laid out in guest
 * memory, chains made available, used ones taken. Tests that play a hostile driver write into the
 * tables themselves. Single-threaded, but its fences are those of a real driver. */
#ifndef VITRINE_TESTS_RING_H
#define VITRINE_TESTS_RING_H

#include <linux/virtio_ring.h>
#include <stdbool.h>
#include <stdint.h>

struct guest_mem;
struct virtq;

#define RING_MAX_SIZE 1024

struct ring {
    const struct guest_mem *mem;
    uint16_t size;
    bool event_idx;
    uint64_t desc_gpa, avail_gpa, used_gpa;
    struct vring_desc *desc;
    struct vring_avail *avail;
    struct vring_used *used;
    uint16_t avail_idx, kicked_idx, last_used;
    uint16_t n_free, free_head;
    uint16_t
        chain_len[RING_MAX_SIZE]; /* descriptors of the chain that starts here; 0: not in use */
};

struct ring_buf {
    uint64_t gpa;
    uint32_t len;
    bool writable;
};

/* Lays an empty ring out at gpa (page-aligned); *end, if given, says where the free memory behind it
 * starts (page-aligned). */
void ring_init(struct ring *ring, const struct guest_mem *mem, uint64_t gpa, uint16_t size,
               bool event_idx, uint64_t *end);
/* What a transport would set up in the device's queue: size, addresses, enabled. */
void ring_give(const struct ring *ring, struct virtq *q);

/* Makes a chain of n buffers available and returns its head, or -1 where there is no room. */
int ring_add(struct ring *ring, const struct ring_buf *buf, unsigned n);
/* The same through an indirect table, written at table_gpa. */
int ring_add_indirect(struct ring *ring, uint64_t table_gpa, const struct ring_buf *buf,
                      unsigned n);
/* Writes the n buffers as a chain of descriptors into the table, from entry 0. */
void ring_fill_table(struct vring_desc *table, const struct ring_buf *buf, unsigned n);
/* Makes one head available, whatever it is. */
void ring_publish(struct ring *ring, uint16_t head);
/* Whether the device must be kicked for what was added since the last call. */
bool ring_must_kick(struct ring *ring);

/* Takes a used chain: its head, or -1 where there is none (or the device named one that isn't out);
 * *len, if given, is what the device says it wrote. */
int ring_take(struct ring *ring, uint32_t *len);
/* With event index: asks for an interrupt for the next used chain. True where one is there already. */
bool ring_want_interrupt(struct ring *ring);

#endif
