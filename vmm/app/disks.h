/* SPDX-License-Identifier: MIT */
/* The VM's disks: each a virtio-blk device on a loop thread of its own. Main loop. */
#ifndef VITRINE_APP_DISKS_H
#define VITRINE_APP_DISKS_H

#include "vmm/app/options.h"

struct disks;
struct virtio_dev;

/* Opens the images and starts their threads, for a guest of so many processors. NULL on failure, which
 * is logged. */
struct disks *disks_create(const struct disk_options *options, unsigned n, unsigned cpus);
/* Ends the threads; the devices can still be taken off their transports. */
void disks_stop(struct disks *disks);
/* After disks_stop() and the end of the transports. Accepts NULL. */
void disks_destroy(struct disks *disks);

/* The device of disk i, for virtio_pci_create(). */
struct virtio_dev *disks_dev(struct disks *disks, unsigned i);

#endif
