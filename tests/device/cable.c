// SPDX-License-Identifier: MIT
#include "tests/device/cable.h"

#include <errno.h>
#include <linux/virtio_net.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

static void ready(struct loop_fd *source, uint32_t events)
{
    struct cable_queue *q = container_of(source, struct cable_queue, source);
    struct net_port *port = &q->cable->port;
    port->events->ready(port->events_data, (unsigned)(q - q->cable->queue), events & EPOLLIN,
                        events & EPOLLOUT);
}

static int start(struct net_port *port, struct loop *loop, unsigned offloads)
{
    struct cable *c = container_of(port, struct cable, port);
    c->started_with = offloads;
    for (unsigned i = 0; i < port->max_pairs; i++)
        assert_int_equal(loop_fd_add(loop, &c->queue[i].source, c->queue[i].card,
                                     EPOLLIN | EPOLLOUT | EPOLLET, ready),
                         0);
    return 0;
}

static void stop(struct net_port *port)
{
    struct cable *c = container_of(port, struct cable, port);
    for (unsigned i = 0; i < port->max_pairs; i++)
        loop_fd_remove(&c->queue[i].source);
}

static int set_pairs(struct net_port *port, unsigned n)
{
    container_of(port, struct cable, port)->pairs = n;
    return 0;
}

static ssize_t receive(struct net_port *port, unsigned pair, const struct iovec *iov, unsigned n)
{
    struct cable *c = container_of(port, struct cable, port);
    struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = n };
    ssize_t got = recvmsg(c->queue[pair].card, &msg, MSG_DONTWAIT);
    if (got < 0)
        return -EAGAIN;
    if (got == 0) {
        port->events->gone(port->events_data);
        return -EPIPE;
    }
    return got;
}

static int send_frame(struct net_port *port, unsigned pair, const struct virtio_net_hdr_v1 *header,
                      const struct iovec *iov, unsigned n, size_t len)
{
    struct cable *c = container_of(port, struct cable, port);
    struct virtio_net_hdr_v1 copy = *header;
    struct iovec all[NET_MAX_IOV] = { { &copy, sizeof(copy) } };
    memcpy(all + 1, iov, n * sizeof(*iov));
    struct msghdr msg = { .msg_iov = all, .msg_iovlen = n + 1 };
    ssize_t sent = sendmsg(c->queue[pair].card, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent < 0 && errno == EAGAIN ? -EAGAIN : 0;
}

static void destroy(struct net_port *port)
{
    struct cable *c = container_of(port, struct cable, port);
    for (unsigned i = 0; i < port->max_pairs; i++)
        fd_close_all(&c->queue[i].card, 1);
}

static const struct net_port_ops ops = {
    .name = "cable",
    .start = start,
    .stop = stop,
    .set_pairs = set_pairs,
    .recv = receive,
    .send = send_frame,
    .destroy = destroy,
};

void cable_init(struct cable *cable, unsigned pairs, unsigned offloads)
{
    *cable = (struct cable){
        .port = { .ops = &ops, .max_pairs = pairs, .offloads = offloads },
        .pairs = 1,
    };
    for (unsigned i = 0; i < pairs; i++) {
        int pair[2];
        const int size = 1 << 20;
        assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
        assert_int_equal(setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
        assert_int_equal(setsockopt(pair[1], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
        cable->queue[i] = (struct cable_queue){ .cable = cable, .card = pair[0], .test = pair[1] };
    }
}

void cable_finish(struct cable *cable)
{
    for (unsigned i = 0; i < cable->port.max_pairs; i++)
        fd_close_all(&cable->queue[i].test, 1);
}
