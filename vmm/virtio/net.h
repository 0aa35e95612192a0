/* SPDX-License-Identifier: MIT */
/* A virtio network card (virtio 1.2, 5.1). */
#ifndef VITRINE_VIRTIO_NET_H
#define VITRINE_VIRTIO_NET_H

#include <stdint.h>

struct loop;
struct net_port;
struct virtio_dev;

#define VIRTIO_NET_MAC_BYTES 6

/* A card that is plugged into port, which it takes, also where it fails; as many queue pairs as the
 * port has, and its offloads. When the port's other end goes, the guest's link goes down. NULL where
 * there is no memory, which is logged. */
struct virtio_dev *virtio_net_create(struct loop *loop, struct net_port *port,
                                     const uint8_t mac[VIRTIO_NET_MAC_BYTES]);
/* Frames and their bytes since its creation, to the guest and from it. */
struct virtio_net_stats {
    uint64_t rx_frames, rx_bytes, tx_frames, tx_bytes;
};

/* Any thread, at any time. */
void virtio_net_stats(const struct virtio_dev *dev, struct virtio_net_stats *stats);
/* Accepts NULL. */
void virtio_net_destroy(struct virtio_dev *dev);

#endif
