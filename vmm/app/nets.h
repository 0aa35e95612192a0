/* SPDX-License-Identifier: MIT */
/* The VM's network cards: each a virtio-net device on a loop thread of its own. Main loop. */
#ifndef VITRINE_APP_NETS_H
#define VITRINE_APP_NETS_H

#include "vmm/app/net_options.h"

struct nets;
struct virtio_dev;

/* Opens what the cards are plugged into and starts their threads. Where no card is asked for or
 * refused, there is one with a user's network, if passt can be had. NULL on failure, which is logged. */
struct nets *nets_create(const struct nets_options *options);
/* One more: its number, or -1, which is logged. Waits for passt, where it is the user's network. */
int nets_add(struct nets *nets, const struct net_options *options);
/* One more of the user's network, with a passt (passt_begin()) whose socket it takes over. */
int nets_add_passt(struct nets *nets, const struct net_options *options, int sock);
/* Ends the threads; the devices can still be taken off their transports. */
void nets_stop(struct nets *nets);
void nets_stop_one(struct nets *nets, unsigned i);
/* After nets_stop_one() and the end of its transport. */
void nets_remove(struct nets *nets, unsigned i);
/* After nets_stop() and the end of the transports. Accepts NULL. */
void nets_destroy(struct nets *nets);

/* The device of card i, for virtio_pci_create(); NULL where there is none. i < NET_OPTIONS_MAX. */
struct virtio_dev *nets_dev(struct nets *nets, unsigned i);
/* What it is plugged into: "user", or a tap's name. */
const char *nets_where(const struct nets *nets, unsigned i);

#endif
