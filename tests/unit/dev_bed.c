// SPDX-License-Identifier: MIT
#include "tests/unit/dev_bed.h"

#include <linux/virtio_config.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"

static void config_changed(struct virtio_dev *dev)
{
    struct dev_bed *bed = dev->transport_data;
    bed->n_config_changes++;
}

static void broken(struct virtio_dev *dev)
{
    struct dev_bed *bed = dev->transport_data;
    bed->n_broken++;
}

static const struct virtio_transport_ops transport = { .config_changed = config_changed,
                                                       .broken = broken };

void dev_bed_init(struct dev_bed *bed)
{
    *bed = (struct dev_bed){ .loop = loop_create() };
    assert_non_null(bed->loop);
    assert_int_equal(guest_mem_create(&bed->mem, DEV_BED_RAM), 0);
}

void dev_bed_start(struct dev_bed *bed, struct virtio_dev *dev, uint64_t without, uint16_t size)
{
    bed->dev = dev;
    dev->transport = &transport;
    dev->transport_data = bed;
    dev->mem = &bed->mem;
    dev->features = (dev->offered | VIRTIO_RING_FEATURES | 1ull << VIRTIO_F_VERSION_1) & ~without;
    for (unsigned i = 0; i < dev->n_queues; i++)
        dev->queue[i] = (struct virtq){ .dev = dev,
                                        .index = i,
                                        .max_size = dev->queue_size[i],
                                        .kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                        .call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
    ring_init(&bed->ring, &bed->mem, 0x10000, size, virtio_has(dev, VIRTIO_RING_F_EVENT_IDX), NULL);
    ring_give(&bed->ring, &dev->queue[0]);
    assert_int_equal(virtio_dev_start(dev), 0);
    ring_want_interrupt(&bed->ring);
    fd_event_signal(dev->queue[0].kick_fd);
    dev_bed_kick(bed); /* it finds nothing, and asks for kicks */
}

void dev_bed_stop(struct dev_bed *bed)
{
    virtio_dev_stop(bed->dev);
    for (unsigned i = 0; i < bed->dev->n_queues; i++) {
        close(bed->dev->queue[i].kick_fd);
        close(bed->dev->queue[i].call_fd);
    }
}

void dev_bed_finish(struct dev_bed *bed)
{
    loop_destroy(bed->loop);
    guest_mem_finish(&bed->mem);
}

void dev_bed_kick(struct dev_bed *bed)
{
    if (ring_must_kick(&bed->ring))
        fd_event_signal(bed->dev->queue[0].kick_fd);
    loop_run_once(bed->loop, 0);
}

bool dev_bed_interrupted(struct dev_bed *bed)
{
    return fd_event_take(bed->dev->queue[0].call_fd);
}
