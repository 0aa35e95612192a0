/* SPDX-License-Identifier: MIT */
/* The VM's disks: each a virtio-blk device on a loop thread of its own. Main loop. */
#ifndef VITRINE_APP_DISKS_H
#define VITRINE_APP_DISKS_H

#include <stdint.h>

#include "vmm/app/options.h"

struct disks;
struct loop;
struct virtio_dev;

/* Main loop. */
struct disks_events {
    /* A disk can't be written, so that a request of it is held; err: a negative errno. */
    void (*held)(void *data, unsigned disk, int err);
    /* disks_close() is done: the image is free, and so is the number. */
    void (*closed)(void *data, unsigned disk);
};

/* Opens the images and starts their threads, for a guest of so many processors. loop: the main one. NULL on
 * failure, which is logged. */
struct disks *disks_create(struct loop *loop, const struct disk_options *options, unsigned n,
                           unsigned cpus, const struct disks_events *events, void *data);
/* One more: its number, or -1, which is logged. */
int disks_add(struct disks *disks, const struct disk_options *options);
/* Ends the threads; the devices can still be taken off their transports. */
void disks_stop(struct disks *disks);
void disks_stop_one(struct disks *disks, unsigned i);
/* After disks_stop_one() and the end of its transport; what the image still has to be written is waited for. */
void disks_remove(struct disks *disks, unsigned i);
/* The same by a thread: the device is gone now, path and number when events->closed says so. */
void disks_close(struct disks *disks, unsigned i);
bool disks_closing(const struct disks *disks, unsigned i);
/* After disks_stop() and the end of the transports; waits for what is being closed. Accepts NULL. */
void disks_destroy(struct disks *disks);

/* Tries again what is held. */
void disks_retry(struct disks *disks);
/* Another size for disk i, bytes in whole sectors; one at a time. done: with 0 or a negative errno as
 * block_ops.resize has it; -ECANCELED where the disk goes first. */
void disks_resize(struct disks *disks, unsigned i, uint64_t size, void (*done)(void *data, int err),
                  void *data);
bool disks_resizing(const struct disks *disks, unsigned i);

/* The device of disk i, for virtio_pci_create(); NULL where there is none. i < OPTIONS_MAX_DISKS. */
struct virtio_dev *disks_dev(struct disks *disks, unsigned i);
/* Its image; NULL where there is none. */
const char *disks_path(const struct disks *disks, unsigned i);

#endif
