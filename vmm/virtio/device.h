/* SPDX-License-Identifier: MIT */
/*
 * A virtio device model and the contract with whatever carries it: virtio-pci in our own machine, or
 * vhost-user in a process of its own. A model is written once and knows neither.
 *
 * Threads: a device belongs to one loop. start, stop, kick and config_changed happen on that loop's
 * thread. get_config and set_config run on the transport's thread, a vCPU's in our machine, so they
 * answer at once, from memory, under a lock of the model's own where it is needed.
 */
#ifndef VITRINE_VIRTIO_DEVICE_H
#define VITRINE_VIRTIO_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/virtio/virtq.h"

struct guest_mem;
struct loop;
struct virtio_dev;

#define VIRTIO_MAX_QUEUES 16

/* VIRTIO_RING_F_INDIRECT_DESC and VIRTIO_RING_F_EVENT_IDX. */
#define VIRTIO_RING_FEATURES (1ull << 28 | 1ull << 29)

struct virtio_ops {
    const char *name;   /* "blk"; for messages */
    uint16_t device_id; /* virtio 1.2, 5 */
    /* Reads the device's configuration space; bytes past its end are zero. Any thread. */
    void (*get_config)(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len);
    /* A write to it; NULL where nothing is writable. Any thread. */
    void (*set_config)(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len);
    /* The driver said DRIVER_OK: dev->features, dev->mem and the enabled queues are set and started.
     * 0, or a negative errno: the device then asks for a reset. A vhost-user front-end that does not
     * speak of DRIVER_OK brings its queues one by one: some may be started later, each with a kick,
     * and a queue that is not started has nothing to pop. */
    int (*start)(struct virtio_dev *dev);
    /* Returns with no I/O in flight: nothing touches guest memory or a queue afterwards. */
    void (*stop)(struct virtio_dev *dev);
    /* The queues stop for a while, and the driver knows nothing of it: like stop, but all chains that are
     * out are answered, and everything else stays for the next start, or the stop that comes instead.
     * Until then guest memory stays where it is. NULL: the model stops. */
    void (*suspend)(struct virtio_dev *dev);
    /* The driver notified queue q, or there may be something in it. */
    void (*kick)(struct virtio_dev *dev, struct virtq *q);
    /* Answers the chains that a predecessor of this process left in flight in queue q
     * (virtq_pop_left()), if there are any; after start, before the queue's first kick. NULL: the
     * model has no successors. */
    void (*resume)(struct virtio_dev *dev, struct virtq *q);
    /* The transport was asked to forward queues elsewhere (a vhost-user front-end): queues are not
     * mapped by virtq_start(), kick_fd is not watched, and kick is never called. */
    bool external_queues;
};

/* What the model may ask of its transport. Called on the device's loop. */
struct virtio_transport_ops {
    /* The configuration space changed: raise its interrupt. */
    void (*config_changed)(struct virtio_dev *dev);
    /* The driver broke the rules: set DEVICE_NEEDS_RESET. */
    void (*broken)(struct virtio_dev *dev);
};

/* Embedded in each model. The model sets the first group before it meets its transport; the
 * transport owns the second. */
struct virtio_dev {
    const struct virtio_ops *ops;
    struct loop *loop;
    /* Feature bits; fixed once the transport is made. The transport adds VIRTIO_F_VERSION_1 and, but
     * for external queues, what virtq.c can do (VIRTIO_RING_FEATURES). */
    uint64_t offered;
    unsigned n_queues;
    /* The largest that is offered; whoever speaks vhost-user may choose up to VIRTQ_MAX_SIZE. */
    uint16_t queue_size[VIRTIO_MAX_QUEUES];
    uint32_t config_len; /* bytes of configuration space */

    const struct virtio_transport_ops *transport;
    void *transport_data;
    const struct guest_mem *mem;
    uint64_t features; /* what was negotiated; set before start */
    bool started;
    bool suspended; /* by its ops, until it starts again or stops; started is false then */
    struct virtq queue[VIRTIO_MAX_QUEUES];
};

static inline bool virtio_has(const struct virtio_dev *dev, unsigned bit)
{
    return dev->features & (1ull << bit);
}

/* What models and transports share, on the device's loop (or after it ended). */

/* Starts the device with dev->features and dev->mem: maps the enabled queues (from index 0), calls
 * start and watches the kicks. 0, or a negative errno with nothing left started. */
int virtio_dev_start(struct virtio_dev *dev);
/* Stops the device and forgets its queues; harmless where it is not started. */
void virtio_dev_stop(struct virtio_dev *dev);

/* Calls the model's kick whenever q->kick_fd was signalled, or stops that. 0 or a negative errno. */
int virtio_kick_watch(struct virtq *q);
void virtio_kick_unwatch(struct virtq *q);

/* For a model whose virtq_pop() failed, or whose driver broke its rules in another way. */
void virtio_dev_broken(struct virtio_dev *dev);

#endif
