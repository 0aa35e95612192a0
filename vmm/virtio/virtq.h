/* SPDX-License-Identifier: MIT */
/*
 * The device's side of a split virtqueue (virtio 1.2, 2.7), with indirect descriptors and event
 * index.
 *
 * A queue is used by one thread, its device's loop. Each descriptor is read once, into a snapshot;
 * every walk is bounded; a malformed ring or chain breaks the device (virtq_pop() returns an error,
 * the device asks for a reset), never the program.
 */
#ifndef VITRINE_VIRTIO_VIRTQ_H
#define VITRINE_VIRTIO_VIRTQ_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/base/loop.h"

struct guest_mem;
struct inflight_region;
struct virtio_dev;

/* The largest queue we offer, and the most buffers in one chain (indirect ones included; Linux may
 * exceed the queue's size with indirect descriptors). */
#define VIRTQ_MAX_SIZE 1024
#define VIRTQ_MAX_SEGMENTS 1024

/* A chain of buffers that the driver made available. Reusable: embed one for each request. */
struct virtq_chain {
    uint16_t head;                        /* the chain's id for virtq_push() */
    unsigned n_out, n_in;                 /* driver → device first, then device → driver */
    struct iovec iov[VIRTQ_MAX_SEGMENTS]; /* n_out + n_in entries, into guest memory */
};

/* What a transport sets up; the device model reads only enabled, index and size. */
struct virtq {
    struct virtio_dev *dev;
    unsigned index;
    uint16_t size; /* entries, a power of two, at most max_size */
    uint16_t max_size;
    bool enabled;
    uint64_t desc_gpa, driver_gpa, device_gpa; /* table, available ring, used ring */
    int kick_fd;         /* eventfd: the driver's notifications; transport's */
    int call_fd;         /* eventfd: raises the interrupt; transport's, or -1 */
    struct loop_fd kick; /* watches kick_fd while the queue runs in this process (device.c) */
    /* Where the chains that are out are noted (inflight.h), of at least `size` entries; the
     * transport's; NULL: nowhere. It is set before the queue is started. */
    struct inflight_region *inflight;

    /* From here on private to virtq.c. */
    const struct guest_mem *mem;
    void *desc, *avail, *used; /* NULL while stopped */
    uint16_t last_avail, used_idx, signalled_used;
    uint16_t avail_event; /* what was published last, if armed */
    bool event_idx, signalled_valid, armed, kick_off, broken;
    unsigned n_left;   /* chains that a predecessor left, and virtq_pop_left() has not taken yet */
    uint64_t n_popped; /* the next chain's counter in the in-flight table */
};

/* Maps the three rings of an enabled queue and starts at index base (0 but after a migration or a
 * back-end's restart), or, where its in-flight table was in use before, behind the chains that are used
 * or out by that. 0, or -EINVAL where a ring is misaligned or not in RAM, or the table is not this
 * queue's. */
int virtq_start(struct virtq *q, const struct guest_mem *mem, bool event_idx, uint16_t base);
/* Forgets the rings. Returns the next available index: where another device model would go on. */
uint16_t virtq_stop(struct virtq *q);

/* Takes the next chain: 1 and fills *chain, 0 where there is none or the queue is not started,
 * -EPROTO where the ring or chain is malformed; the queue is then broken and yields nothing until it
 * is started anew. Buffers of no length are left out of *chain. At most `size` chains are out at a
 * time. With event index, the driver kicks only after a pop that returned 0, so a device that waits
 * for a kick first pops until it does. */
int virtq_pop(struct virtq *q, struct virtq_chain *chain);

/* Takes the oldest chain that a predecessor left in flight, as virtq_pop() does; to be pushed before the
 * next one is taken. 0 where there are no more. */
int virtq_pop_left(struct virtq *q, struct virtq_chain *chain);

/* For a device that answers only when it has a chain for everything that it wants to say: how many
 * chains wait to be popped (0 where the queue is not started or broken); and, where those `seen` are
 * too few, asks for a kick when one more is added, whether or not kicks are disabled. True where one
 * was added meanwhile: look again. */
unsigned virtq_available(const struct virtq *q);
bool virtq_await_more(struct virtq *q, unsigned seen);

/* Gives the chain back with `written` bytes put into its device-writable part. In any order. */
void virtq_push(struct virtq *q, uint16_t head, uint32_t written);

/* A chain that is given back, and the bytes that were put into it. */
struct virtq_used {
    uint16_t head;
    uint32_t written;
};
/* Gives n chains back, at most `size`; the driver sees all of them at once. */
void virtq_push_all(struct virtq *q, const struct virtq_used *chains, unsigned n);

/* Interrupts the driver if it wants to know of what was pushed since the last call. */
void virtq_notify(struct virtq *q);

/* Tells the driver whether it need kick (it need, at start): off while a device is busy with the
 * queue or polls it. Turning it on returns true where chains came meanwhile: pop again. */
bool virtq_enable_kick(struct virtq *q);
void virtq_disable_kick(struct virtq *q);

#endif
