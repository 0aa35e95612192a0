// SPDX-License-Identifier: MIT
#include <linux/virtio_ring.h>
#include <sys/epoll.h>

#define LOG_MODULE "virtio"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/virtio/device.h"

static void kicked(struct loop_fd *source, uint32_t events)
{
    struct virtq *q = container_of(source, struct virtq, kick);
    q->dev->ops->kick(q->dev, q);
}

int virtio_kick_watch(struct virtq *q)
{
    /* Each kick is an edge, so the eventfd's count need not be taken, which saves a system call. */
    return loop_fd_add(q->dev->loop, &q->kick, q->kick_fd, EPOLLIN | EPOLLET, kicked);
}

void virtio_kick_unwatch(struct virtq *q)
{
    loop_fd_remove(&q->kick);
}

static void stop_queues(struct virtio_dev *dev)
{
    for (unsigned i = 0; i < dev->n_queues; i++) {
        virtio_kick_unwatch(&dev->queue[i]);
        virtq_stop(&dev->queue[i]);
    }
}

static int start_queues(struct virtio_dev *dev)
{
    for (unsigned i = 0; i < dev->n_queues; i++) {
        struct virtq *q = &dev->queue[i];
        if (!q->enabled)
            continue;
        int err = virtq_start(q, dev->mem, virtio_has(dev, VIRTIO_RING_F_EVENT_IDX), 0);
        if (err < 0)
            return err;
        err = virtio_kick_watch(q);
        if (err < 0)
            return err;
    }
    return 0;
}

int virtio_dev_start(struct virtio_dev *dev)
{
    int err = dev->ops->external_queues ? 0 : start_queues(dev);
    if (err == 0)
        err = dev->ops->start(dev);
    if (err < 0) {
        stop_queues(dev);
        return err;
    }
    dev->started = true;
    return 0;
}

void virtio_dev_stop(struct virtio_dev *dev)
{
    if (!dev->started)
        return;
    dev->ops->stop(dev);
    dev->started = false;
    stop_queues(dev);
}

void virtio_dev_broken(struct virtio_dev *dev)
{
    dev->transport->broken(dev);
}
