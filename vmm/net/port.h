/* SPDX-License-Identifier: MIT */
/*
 * What a network card is plugged into: a small vtable, with a tap device or a stream socket behind it.
 *
 * A frame is an Ethernet frame without its checksum, with a struct virtio_net_hdr_v1 in front of it
 * (virtio 1.2, 5.1.6.1), little-endian. Everything is called on the loop that the port was started
 * with, or while it is stopped; so are its events.
 */
#ifndef VITRINE_NET_PORT_H
#define VITRINE_NET_PORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct loop;
struct net_port;
struct virtio_net_hdr_v1;

#define NET_HEADER 12u
/* Bytes of a frame without its header: the shortest is an Ethernet header, the longest an IP packet of
 * 64 KiB behind one with a VLAN tag. */
#define NET_FRAME_MIN 14u
#define NET_FRAME_MAX (18u + 65535u)
/* The most buffers for one frame, the header's included: IOV_MAX. */
#define NET_MAX_IOV 1024u
#define NET_MAX_PAIRS 4u

/* What a side can do for the other. */
enum net_offload {
    NET_OFFLOAD_CSUM = 1 << 0, /* complete checksums */
    NET_OFFLOAD_TSO4 = 1 << 1, /* take TCP segments of up to 64 KiB, over IPv4 */
    NET_OFFLOAD_TSO6 = 1 << 2,
    NET_OFFLOAD_ECN = 1 << 3, /* ... with ECN bits in them */
};

struct net_port_ops {
    const char *name; /* "tap"; for messages */
    /* Frames may flow: those that are received use no more than these offloads (enum net_offload).
     * 0 or a negative errno. */
    int (*start)(struct net_port *port, struct loop *loop, unsigned offloads);
    void (*stop)(struct net_port *port);
    /* Frames are received on pairs 0..n-1 only (1 at start); NULL where there is but one pair. 0 or a
     * negative errno. */
    int (*set_pairs)(struct net_port *port, unsigned n);
    /* Receives a frame into the buffers, at most NET_MAX_IOV of them; what doesn't fit is lost. Its
     * length with the header, whose num_buffers is not set; -EAGAIN where there is none, and a
     * readable event comes with the next; -EPIPE where none will come any more. */
    ssize_t (*recv)(struct net_port *port, unsigned pair, const struct iovec *iov, unsigned n);
    /* Sends the frame in iov, at most NET_MAX_IOV - 1 buffers of `len` bytes from NET_FRAME_MIN to
     * NET_FRAME_MAX, with the header. 0: it is sent, or will be by the next flush, or is lost as frames
     * may be, and iov is not used any more; -EAGAIN: nothing was taken, and a writable event comes. */
    int (*send)(struct net_port *port, unsigned pair, const struct virtio_net_hdr_v1 *header,
                const struct iovec *iov, unsigned n, size_t len);
    /* No more frames follow for now: sends those that were gathered. NULL where none are. */
    void (*flush)(struct net_port *port, unsigned pair);
    void (*destroy)(struct net_port *port);
};

struct net_port_events {
    /* Look again, after -EAGAIN. It may come without need. */
    void (*ready)(void *data, unsigned pair, bool readable, bool writable);
    /* The other end is gone, for good. Once. */
    void (*gone)(void *data);
};

/* Embedded in each port. */
struct net_port {
    const struct net_port_ops *ops;
    unsigned max_pairs; /* from 1 to NET_MAX_PAIRS */
    unsigned offloads;  /* enum net_offload: what it does for the guest, and takes */
    uint16_t mtu; /* bytes of the longest IP packet, which the guest is told; 0: nothing is said */
    const struct net_port_events *events; /* whoever uses the port sets these two before start */
    void *events_data;
};

/* Accepts NULL. */
static inline void net_port_destroy(struct net_port *port)
{
    if (port)
        port->ops->destroy(port);
}

#endif
