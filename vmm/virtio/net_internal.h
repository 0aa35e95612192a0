/* SPDX-License-Identifier: MIT */
/* What the parts of the network card share: net.c (its life, the configuration, the control queue),
 * net_rx.c and net_tx.c (one direction each). All on the device's loop. */
#ifndef VITRINE_VIRTIO_NET_INTERNAL_H
#define VITRINE_VIRTIO_NET_INTERNAL_H

#include <linux/virtio_net.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"
#include "vmm/net/port.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/net.h"

#define NET_QUEUE_SIZE 256
/* The most that a queue does in a turn: others wait on this loop. */
#define NET_BUDGET 64u

/* A chain of the receive queue that waits for a frame. */
struct net_rx_chain {
    uint16_t head;
    unsigned n_iov;
    uint32_t room; /* bytes; what is counted of them */
};

/* Buffers that were popped and not filled yet, oldest first, and one entry behind them for the rest of
 * a frame that they are too few for. */
struct net_rx {
    struct virtq *q;
    unsigned n_chains, n_iov;
    size_t room;
    size_t
        waiting; /* bytes of a frame that is in `room` bytes of the buffers and in `spill`; or 0 */
    size_t waiting_room; /* how much of it is in the buffers */
    struct net_rx_chain chain[NET_QUEUE_SIZE];
    struct iovec iov[NET_MAX_IOV];
    struct virtq_chain popped;
    uint8_t spill[NET_HEADER + NET_FRAME_MAX];
};

/* The frame that is being sent. */
struct net_tx {
    struct virtq *q;
    bool held; /* the port had no room for it */
    struct virtio_net_hdr_v1 header;
    struct iovec *iov; /* of chain.iov, behind the header */
    unsigned n_iov;
    size_t len; /* without the header */
    struct virtq_chain chain;
};

struct net_pair {
    struct net_rx rx;
    struct net_tx tx;
};

struct net {
    struct virtio_dev dev;
    struct net_port *port;
    uint8_t mac[6];
    atomic_bool link_up; /* read by vCPUs; nothing else depends on it */
    unsigned n_pairs;    /* in use */
    struct loop_task again;
    unsigned rx_again, tx_again; /* bits: pairs that have used up a turn */
    struct virtq_chain control;
    struct virtio_net_stats stats; /* atomic: written on the loop, read by any thread */
    struct net_pair *pair;         /* port->max_pairs of them */
};

static inline void net_count(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

/* Receives what there is, or what there are buffers for. False where there may be more: a turn's worth
 * was done. */
bool net_rx_run(struct net *net, unsigned pair);
/* Forgets the buffers. */
void net_rx_reset(struct net_rx *rx, struct virtq *q);

/* Sends what there is; false as above. */
bool net_tx_run(struct net *net, unsigned pair);
void net_tx_reset(struct net_tx *tx, struct virtq *q);

#endif
