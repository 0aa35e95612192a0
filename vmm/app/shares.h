/* SPDX-License-Identifier: MIT */
/*
 * The folders of the host's that the guest sees (virtio-fs; virtio 1.2, 5.11): each is served by a process
 * of virtiofsd, which has a sandbox of its own, behind our front-end of vhost-user. Main loop.
 */
#ifndef VITRINE_APP_SHARES_H
#define VITRINE_APP_SHARES_H

#include <stdbool.h>

#include "vmm/app/share_options.h"

struct loop;
struct shares;
struct virtio_dev;

/* Whether virtiofsd is installed. */
bool shares_possible(void);
/* Starts the processes. NULL on failure, which is logged. The options outlive it. */
struct shares *shares_create(struct loop *loop, const struct shares_options *options);
/* After the end of the transports: ends the processes. Accepts NULL. */
void shares_destroy(struct shares *shares);

/* The device of share i, for virtio_pci_create(). */
struct virtio_dev *shares_dev(struct shares *shares, unsigned i);

#endif
