// SPDX-License-Identifier: MIT
#include <errno.h>

#define LOG_MODULE "net"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/net_internal.h"

/* Whether the header asks for no more than was negotiated, and for what the frame has. */
static bool is_sound(const struct net *net, const struct virtio_net_hdr_v1 *h, size_t len)
{
    unsigned gso = h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN;
    bool checksum = h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM;
    if (checksum && (!virtio_has(&net->dev, VIRTIO_NET_F_CSUM) ||
                     (size_t)h->csum_start + h->csum_offset + sizeof(uint16_t) > len))
        return false;
    if (h->gso_type == VIRTIO_NET_HDR_GSO_NONE)
        return true;
    if (h->gso_type & VIRTIO_NET_HDR_GSO_ECN && !virtio_has(&net->dev, VIRTIO_NET_F_HOST_ECN))
        return false;
    if (!checksum || h->gso_size == 0 || h->hdr_len > len)
        return false;
    return (gso == VIRTIO_NET_HDR_GSO_TCPV4 && virtio_has(&net->dev, VIRTIO_NET_F_HOST_TSO4)) ||
           (gso == VIRTIO_NET_HDR_GSO_TCPV6 && virtio_has(&net->dev, VIRTIO_NET_F_HOST_TSO6));
}

/* Cuts the header off the chain's list, which is a copy of ours. */
static void cut_header(struct net_tx *tx)
{
    size_t left = NET_HEADER;
    while (left > 0) {
        size_t cut = MIN(left, tx->iov->iov_len);
        tx->iov->iov_base = (uint8_t *)tx->iov->iov_base + cut;
        tx->iov->iov_len -= cut;
        left -= cut;
        if (tx->iov->iov_len == 0) {
            tx->iov++;
            tx->n_iov--;
        }
    }
}

/* False, and said, where the chain is no frame that may be sent. */
static bool take_frame(struct net *net, struct net_tx *tx)
{
    size_t size = iov_size(tx->chain.iov, tx->chain.n_out);
    tx->iov = tx->chain.iov;
    tx->n_iov = tx->chain.n_out;
    if (size < NET_HEADER + NET_FRAME_MIN || size > NET_HEADER + NET_FRAME_MAX) {
        log_guest("net: a frame of %zu bytes", size);
        return false;
    }
    iov_read(tx->iov, tx->n_iov, 0, &tx->header, NET_HEADER);
    cut_header(tx);
    tx->len = size - NET_HEADER;
    /* What else there is among the flags is for frames that are received. */
    tx->header.flags &= VIRTIO_NET_HDR_F_NEEDS_CSUM;
    tx->header.num_buffers = 0;
    if (!is_sound(net, &tx->header, tx->len)) {
        log_guest("net: a frame asks for offloads that it can't have");
        return false;
    }
    if (tx->n_iov > NET_MAX_IOV - 1) {
        log_guest("net: a frame in more than %u buffers", NET_MAX_IOV - 1);
        return false;
    }
    return true;
}

static void finish(struct net_tx *tx)
{
    tx->held = false;
    virtq_push(tx->q, tx->chain.head, 0);
}

/* 1: a chain was done; 0: there is none, or the port has no room. */
static int send(struct net *net, unsigned pair)
{
    struct net_tx *tx = &net->pair[pair].tx;
    if (!tx->held) {
        int got = virtq_pop(tx->q, &tx->chain);
        if (got < 0)
            virtio_dev_broken(&net->dev);
        if (got <= 0)
            return 0;
        tx->held = take_frame(net, tx);
    }
    if (tx->held &&
        net->port->ops->send(net->port, pair, &tx->header, tx->iov, tx->n_iov, tx->len) == -EAGAIN)
        return 0;
    if (tx->held) {
        net_count(&net->stats.tx_frames, 1);
        net_count(&net->stats.tx_bytes, tx->len);
    }
    finish(tx);
    return 1;
}

bool net_tx_run(struct net *net, unsigned pair)
{
    unsigned n = 0;
    while (n < NET_BUDGET && send(net, pair))
        n++;
    if (net->port->ops->flush)
        net->port->ops->flush(net->port, pair);
    virtq_notify(net->pair[pair].tx.q);
    return n < NET_BUDGET;
}

void net_tx_reset(struct net_tx *tx, struct virtq *q)
{
    tx->q = q;
    tx->held = false;
}
