// SPDX-License-Identifier: MIT
#include "vmm/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOG_MODULE "tap"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/net/port.h"

struct tap;

struct tap_queue {
    struct tap *tap;
    struct loop_fd source;
    int fd;
};

struct tap {
    struct net_port port;
    char name[IFNAMSIZ];
    bool gone;
    unsigned attached; /* queues that the kernel gives frames to */
    struct tap_queue queue[NET_MAX_PAIRS];
};

static void queue_ready(struct loop_fd *source, uint32_t events)
{
    struct tap_queue *q = container_of(source, struct tap_queue, source);
    struct net_port *port = &q->tap->port;
    port->events->ready(port->events_data, (unsigned)(q - q->tap->queue),
                        events & (EPOLLIN | EPOLLERR), events & EPOLLOUT);
}

static int tap_set_pairs(struct net_port *port, unsigned n)
{
    struct tap *tap = container_of(port, struct tap, port);
    while (tap->attached != n) {
        bool attach = tap->attached < n;
        struct ifreq request = { .ifr_flags = attach ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE };
        unsigned i = attach ? tap->attached : tap->attached - 1;
        if (ioctl(tap->queue[i].fd, TUNSETQUEUE, &request) < 0)
            return -errno;
        tap->attached = attach ? i + 1 : i;
    }
    return 0;
}

static int tap_start(struct net_port *port, struct loop *loop, unsigned offloads)
{
    struct tap *tap = container_of(port, struct tap, port);
    unsigned long flags = 0;
    if (tap->gone)
        return 0;
    if (offloads & NET_OFFLOAD_CSUM)
        flags |= TUN_F_CSUM;
    if (offloads & NET_OFFLOAD_TSO4)
        flags |= TUN_F_TSO4;
    if (offloads & NET_OFFLOAD_TSO6)
        flags |= TUN_F_TSO6;
    if (offloads & NET_OFFLOAD_ECN)
        flags |= TUN_F_TSO_ECN;
    if (ioctl(tap->queue[0].fd, TUNSETOFFLOAD, flags) < 0)
        return -errno;
    for (unsigned i = 0; i < port->max_pairs; i++) {
        /* Edges: what is there is taken until there is no more. */
        int err = loop_fd_add(loop, &tap->queue[i].source, tap->queue[i].fd,
                              EPOLLIN | EPOLLOUT | EPOLLET, queue_ready);
        if (err < 0) {
            port->ops->stop(port);
            return err;
        }
    }
    return 0;
}

static void tap_stop(struct net_port *port)
{
    struct tap *tap = container_of(port, struct tap, port);
    for (unsigned i = 0; i < port->max_pairs; i++)
        loop_fd_remove(&tap->queue[i].source);
    if (port->max_pairs > 1 && !tap->gone)
        (void)tap_set_pairs(port, 1);
}

static ssize_t tap_recv(struct net_port *port, unsigned pair, const struct iovec *iov, unsigned n)
{
    struct tap *tap = container_of(port, struct tap, port);
    ssize_t got;
    if (tap->gone)
        return -EPIPE;
    do
        got = readv(tap->queue[pair].fd, iov, (int)n);
    while (got < 0 && errno == EINTR);
    if (got >= 0 || errno == EAGAIN)
        return got >= 0 ? got : -EAGAIN;
    /* EIO: a queue that is detached. EBADFD: `ip link del`. */
    if (errno == EBADFD && !tap->gone) {
        tap->gone = true;
        log_error("the tap device %s was taken away", tap->name);
        port->events->gone(port->events_data);
        return -EPIPE;
    }
    return -EAGAIN;
}

static int tap_send(struct net_port *port, unsigned pair, const struct virtio_net_hdr_v1 *header,
                    const struct iovec *iov, unsigned n, size_t len)
{
    struct tap *tap = container_of(port, struct tap, port);
    struct virtio_net_hdr_v1 copy = *header;
    struct iovec all[NET_MAX_IOV];
    ssize_t sent;
    if (tap->gone)
        return 0;
    all[0] = (struct iovec){ &copy, NET_HEADER };
    memcpy(all + 1, iov, n * sizeof(*iov));
    do
        sent = writev(tap->queue[pair].fd, all, (int)n + 1);
    while (sent < 0 && errno == EINTR);
    if (sent < 0 && errno == EAGAIN)
        return -EAGAIN;
    /* A device that is down takes no frames: they are lost, as on a cable. */
    if (sent < 0 && errno == EINVAL)
        log_guest("%s: the kernel refuses a frame's offload header", tap->name);
    return 0;
}

static void tap_destroy(struct net_port *port)
{
    struct tap *tap = container_of(port, struct tap, port);
    for (unsigned i = 0; i < port->max_pairs; i++)
        close(tap->queue[i].fd);
    free(tap);
}

static const struct net_port_ops tap_ops = {
    .name = "tap",
    .start = tap_start,
    .stop = tap_stop,
    .set_pairs = tap_set_pairs,
    .recv = tap_recv,
    .send = tap_send,
    .destroy = tap_destroy,
};

static bool attach(struct tap *tap, int fd, bool several)
{
    const int little_endian = 1, header = NET_HEADER;
    struct ifreq request = {
        .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR | (several ? IFF_MULTI_QUEUE : 0)),
    };
    memcpy(request.ifr_name, tap->name, sizeof(request.ifr_name));
    if (ioctl(fd, TUNSETIFF, &request) < 0) {
        if (errno == EPERM)
            log_error("--net tap=%s: you may not use it: root makes it yours by "
                      "`ip tuntap add dev %s mode tap%s user $USER`",
                      tap->name, tap->name, several ? " multi_queue" : "");
        else if (errno == EBUSY)
            log_error("--net tap=%s: another program uses it", tap->name);
        else if (errno == EINVAL)
            log_error("--net tap=%s: it is no tap device%s", tap->name,
                      several ? " with several queues (made with multi_queue)"
                              : ", or one with several queues (queues=2 takes those)");
        else
            log_error("--net tap=%s: %s", tap->name, strerror(errno));
        return false;
    }
    if (ioctl(fd, TUNSETVNETHDRSZ, &header) == 0 && ioctl(fd, TUNSETVNETLE, &little_endian) == 0)
        return true;
    log_error("--net tap=%s: the kernel knows no offload header of 12 bytes: %s", tap->name,
              strerror(errno));
    return false;
}

struct net_port *net_tap_open(const char *name, unsigned pairs)
{
    struct tap *tap = calloc(1, sizeof(*tap));
    if (!tap) {
        log_error("out of memory");
        return NULL;
    }
    tap->port = (struct net_port){
        .ops = &tap_ops,
        .offloads = NET_OFFLOAD_CSUM | NET_OFFLOAD_TSO4 | NET_OFFLOAD_TSO6 | NET_OFFLOAD_ECN,
    };
    memcpy(tap->name, name, strnlen(name, sizeof(tap->name) - 1));
    while (tap->port.max_pairs < pairs) {
        struct tap_queue *q = &tap->queue[tap->port.max_pairs];
        q->tap = tap;
        q->fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
        if (q->fd < 0) {
            log_error("--net tap=%s: /dev/net/tun can't be opened: %s", name, strerror(errno));
            break;
        }
        tap->port.max_pairs++;
        if (!attach(tap, q->fd, pairs > 1))
            break;
        tap->attached++;
    }
    if (tap->attached == pairs && (pairs == 1 || tap_set_pairs(&tap->port, 1) == 0))
        return &tap->port;
    tap_destroy(&tap->port);
    return NULL;
}
