// SPDX-License-Identifier: MIT
#include <errno.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define LOG_MODULE "rng"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/rng.h"

#define QUEUE_SIZE 64
/* A driver gets at most this many bytes for one chain; it asks again for more. */
#define BYTES_MAX 4096u

struct rng {
    struct virtio_dev dev;
    struct virtq_chain chain;
};

/* Straight into guest memory. Returns the bytes; less than were asked for only where the host gives
 * none. */
static uint32_t fill(const struct virtq_chain *chain)
{
    uint32_t done = 0;
    for (unsigned i = 0; i < chain->n_in && done < BYTES_MAX; i++) {
        const struct iovec *iov = &chain->iov[chain->n_out + i];
        size_t len = MIN(iov->iov_len, BYTES_MAX - done);
        ssize_t n;
        do {
            n = getrandom(iov->iov_base, len, 0);
        } while (n < 0 && errno == EINTR);
        if (n < 0)
            break;
        done += (uint32_t)n;
        if ((size_t)n < len)
            break;
    }
    return done;
}

static void rng_kick(struct virtio_dev *dev, struct virtq *q)
{
    struct rng *rng = container_of(dev, struct rng, dev);
    /* At most a queue's worth in a turn: others wait on this loop. */
    for (unsigned n = 0; n < q->size; n++) {
        int got = virtq_pop(q, &rng->chain);
        if (got < 0)
            virtio_dev_broken(dev);
        if (got <= 0)
            return;
        virtq_push(q, rng->chain.head, fill(&rng->chain));
        virtq_notify(q);
    }
    fd_event_signal(q->kick_fd);
}

static int rng_start(struct virtio_dev *dev)
{
    return 0;
}

static void rng_stop(struct virtio_dev *dev)
{
}

static void rng_get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    memset(data, 0, len);
}

static const struct virtio_ops rng_ops = { .name = "rng",
                                           .device_id = VIRTIO_ID_RNG,
                                           .get_config = rng_get_config,
                                           .start = rng_start,
                                           .stop = rng_stop,
                                           .kick = rng_kick };

struct virtio_dev *virtio_rng_create(struct loop *loop)
{
    struct rng *rng = calloc(1, sizeof(*rng));
    if (!rng) {
        log_error("no memory for the entropy device");
        return NULL;
    }
    rng->dev = (struct virtio_dev){
        .ops = &rng_ops, .loop = loop, .n_queues = 1, .queue_size = { QUEUE_SIZE }
    };
    return &rng->dev;
}

void virtio_rng_destroy(struct virtio_dev *dev)
{
    if (dev)
        free(container_of(dev, struct rng, dev));
}
