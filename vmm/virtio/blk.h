/* SPDX-License-Identifier: MIT */
/* virtio-blk (virtio 1.2, 5.2) on a block device. */
#ifndef VITRINE_VIRTIO_BLK_H
#define VITRINE_VIRTIO_BLK_H

#include <stdint.h>

struct block_dev;
struct loop;
struct virtio_dev;

/* A disk, whose I/O happens on the loop's thread: a loop for each disk. id: up to 20 bytes that the
 * guest sees as the disk's serial number. n_queues: 1 to VIRTIO_MAX_QUEUES. Takes block, also where it
 * fails; NULL where memory is short. */
struct virtio_dev *virtio_blk_create(struct loop *loop, struct block_dev *block, const char *id,
                                     unsigned n_queues);
/* What happens to a request that changes the disk and fails: the driver is told; or it is held, where the
 * host has no room left, or in any case, until virtio_blk_retry(). Where a flush has lost data (block_dev.lost), the
 * driver is told in any case. */
enum virtio_blk_werror { VIRTIO_BLK_REPORT, VIRTIO_BLK_HOLD_FULL, VIRTIO_BLK_HOLD_ALL };

/* Before the device's start; without it, errors are reported. held: called on the device's loop where a
 * request is held and none was before; err is the negative errno. */
void virtio_blk_set_werror(struct virtio_dev *dev, enum virtio_blk_werror werror,
                           void (*held)(void *data, int err), void *data);
/* Tries again what is held. A stop does so too, and reports what fails once more. On the device's loop. */
void virtio_blk_retry(struct virtio_dev *dev);
/* Another size for the image, bytes in whole sectors, of which the driver is told: 0, or a negative errno as
 * block_ops.resize has it. On the device's loop. */
int virtio_blk_resize(struct virtio_dev *dev, uint64_t size);
/* The image may have another size than before: the driver is told if so. On the device's loop. */
void virtio_blk_remeasure(struct virtio_dev *dev);
/* What was done since its creation; requests of any outcome but errors. */
struct virtio_blk_stats {
    uint64_t reads, writes, flushes, erases; /* requests; erases: discards and writes of zeroes */
    uint64_t bytes_read, bytes_written;
    uint64_t errors; /* requests that the image failed */
};

/* Any thread, at any time. */
void virtio_blk_stats(const struct virtio_dev *dev, struct virtio_blk_stats *stats);
/* Closes the block device too. After its transport is gone. Accepts NULL. */
void virtio_blk_destroy(struct virtio_dev *dev);

#endif
