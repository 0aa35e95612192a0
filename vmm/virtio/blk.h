/* SPDX-License-Identifier: MIT */
/* virtio-blk (virtio 1.2, 5.2) on a block device. */
#ifndef VITRINE_VIRTIO_BLK_H
#define VITRINE_VIRTIO_BLK_H

struct block_dev;
struct loop;
struct virtio_dev;

/* A disk, whose I/O happens on the loop's thread: a loop for each disk. id: up to 20 bytes that the
 * guest sees as the disk's serial number. n_queues: 1 to VIRTIO_MAX_QUEUES. Takes block, also where it
 * fails; NULL where memory is short. */
struct virtio_dev *virtio_blk_create(struct loop *loop, struct block_dev *block, const char *id,
                                     unsigned n_queues);
/* The image may have another size than before: the driver is told if so. On the device's loop. */
void virtio_blk_remeasure(struct virtio_dev *dev);
/* Closes the block device too. After its transport is gone. Accepts NULL. */
void virtio_blk_destroy(struct virtio_dev *dev);

#endif
