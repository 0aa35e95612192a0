// SPDX-License-Identifier: MIT
/*
 * How long the next frame is, nobody knows before it is read. So as many buffers as the longest would
 * take are kept at hand, it is read into all of them, and those that it needed are given back. Where
 * the driver has fewer, what doesn't fit is read into `spill`, and the frame waits for more buffers: a
 * frame is lost only where the driver can't merge buffers and its one is too small.
 */
#include <stddef.h>
#include <string.h>

#define LOG_MODULE "net"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/net_internal.h"

/* The last entry is the spill's. */
#define MAX_BUFFERS (NET_MAX_IOV - 1)
#define FRAME_ROOM ((size_t)NET_HEADER + NET_FRAME_MAX)

static bool merges(const struct net *net)
{
    return virtio_has(&net->dev, VIRTIO_NET_F_MRG_RXBUF);
}

/* Bytes that the next frame may have. */
static size_t longest(const struct net *net)
{
    return merges(net) ? FRAME_ROOM : 1;
}

static bool add(struct net_rx *rx)
{
    const struct virtq_chain *popped = &rx->popped;
    unsigned n = MIN(popped->n_in, MAX_BUFFERS - rx->n_iov);
    const struct iovec *iov = &popped->iov[popped->n_out];
    /* Nothing is longer than a frame, so what is beyond one does not count. */
    size_t room = MIN(iov_size(iov, n), FRAME_ROOM);
    if (room < NET_HEADER)
        return false;
    rx->chain[rx->n_chains++] = (struct net_rx_chain){
        .head = popped->head,
        .n_iov = n,
        .room = (uint32_t)room,
    };
    memcpy(&rx->iov[rx->n_iov], iov, n * sizeof(*iov));
    rx->n_iov += n;
    rx->room += room;
    return true;
}

static bool is_full(const struct net_rx *rx)
{
    return rx->n_chains == ARRAY_LEN(rx->chain) || rx->n_iov == MAX_BUFFERS;
}

/* Pops until there is room for `want` bytes, or no more is to be had. False where the device broke. */
static bool gather(struct net *net, struct net_rx *rx, size_t want)
{
    while (rx->room < want && !is_full(rx)) {
        int got = virtq_pop(rx->q, &rx->popped);
        if (got == 0)
            return true;
        if (got > 0 && add(rx))
            continue;
        if (got > 0)
            log_guest("net: a receive buffer with no room for a frame's header");
        virtio_dev_broken(&net->dev);
        return false;
    }
    return true;
}

/* Takes the first n chains out of the list. */
static void drop_chains(struct net_rx *rx, unsigned n)
{
    unsigned n_iov = 0;
    for (unsigned i = 0; i < n; i++)
        n_iov += rx->chain[i].n_iov;
    rx->n_chains -= n;
    rx->n_iov -= n_iov;
    memmove(rx->chain, rx->chain + n, rx->n_chains * sizeof(rx->chain[0]));
    memmove(rx->iov, rx->iov + n_iov, rx->n_iov * sizeof(rx->iov[0]));
}

/* The frame of len bytes with its header is in the buffers, all of it: they are the driver's again. */
static void deliver(struct net_rx *rx, size_t len)
{
    struct virtq_used used[NET_QUEUE_SIZE];
    uint16_t n = 0;
    while (len > 0) {
        uint32_t written = (uint32_t)MIN(len, rx->chain[n].room);
        used[n] = (struct virtq_used){ rx->chain[n].head, written };
        rx->room -= rx->chain[n].room;
        len -= written;
        n++;
    }
    iov_write(rx->iov, rx->n_iov, offsetof(struct virtio_net_hdr_v1, num_buffers), &n, sizeof(n));
    drop_chains(rx, n);
    virtq_push_all(rx->q, used, n);
}

/* The frame that waits for buffers gets those that came. False where it goes on waiting. */
static bool deliver_waiting(struct net *net, struct net_rx *rx)
{
    if (!gather(net, rx, rx->waiting))
        return false;
    if (rx->room < rx->waiting) {
        if (!is_full(rx))
            return false;
        log_guest("net: receive buffers that are too small; a frame of %zu bytes is lost",
                  rx->waiting);
        rx->waiting = 0;
        return true;
    }
    iov_write(rx->iov, rx->n_iov, rx->waiting_room, rx->spill, rx->waiting - rx->waiting_room);
    deliver(rx, rx->waiting);
    rx->waiting = 0;
    return true;
}

static void received(struct net *net, struct net_rx *rx, size_t len)
{
    if (len <= rx->room) {
        deliver(rx, len);
    } else if (merges(net)) {
        rx->waiting = len;
        rx->waiting_room = rx->room;
    } else {
        log_guest("net: a receive buffer of %zu bytes; a frame of %zu bytes is lost", rx->room,
                  len);
    }
}

/* 1: a frame came; 0: there is none, or no buffer for one. */
static int receive(struct net *net, unsigned pair)
{
    struct net_rx *rx = &net->pair[pair].rx;
    if (rx->waiting > 0 && !deliver_waiting(net, rx))
        return 0;
    if (!gather(net, rx, longest(net)) || rx->n_chains == 0)
        return 0;
    rx->iov[rx->n_iov] = (struct iovec){ rx->spill, sizeof(rx->spill) };
    ssize_t len = net->port->ops->recv(net->port, pair, rx->iov, rx->n_iov + 1);
    if (len < (ssize_t)(NET_HEADER + NET_FRAME_MIN))
        return len >= 0; /* no frame */
    net_count(&net->stats.rx_frames, 1);
    net_count(&net->stats.rx_bytes, (size_t)len - NET_HEADER);
    received(net, rx, (size_t)len);
    return 1;
}

bool net_rx_run(struct net *net, unsigned pair)
{
    unsigned n = 0;
    while (n < NET_BUDGET && receive(net, pair))
        n++;
    virtq_notify(net->pair[pair].rx.q);
    return n < NET_BUDGET;
}

void net_rx_reset(struct net_rx *rx, struct virtq *q)
{
    rx->q = q;
    rx->n_chains = rx->n_iov = 0;
    rx->room = rx->waiting = 0;
}
