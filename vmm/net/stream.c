// SPDX-License-Identifier: MIT
/*
 * What comes is received as much at a time as there is, into a ring, and copied out frame by frame: to
 * receive lengths and frames straight to where they belong would take two system calls for each frame. It
 * is received ahead, also while the guest has no buffers for it, because to passt a full socket is a
 * network that loses frames: it waits for a timer then. So the ring is full of it when the guest is the
 * slower one, and nothing in it is moved. What goes, too, is gathered in a buffer, and sent when that is
 * full or no more follows. A frame that is longer than what a system call is worth is sent from where it
 * is, behind what was gathered; of one that the socket took only a part of, the rest is copied.
 */
#include "vmm/net/stream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "net"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/net/port.h"

#define PREFIX 4u
/* The longest frame: more would be none to passt, which then hangs up. */
#define FRAME_MAX 65535u
#define IN_SIZE (1024u * 1024)
/* Longer ones are not gathered. */
#define GATHERED_MAX 4096u

struct stream {
    struct net_port port;
    const char *peer;
    int sock; /* -1: the peer is gone */
    struct loop_fd source;
    /* What is there of `in`, a ring: each byte is at the remainder by its size. */
    uint64_t in_start, in_end;
    bool behind; /* there was no room for all that the socket has; no event tells of it again */
    size_t out_start, out_end; /* of `out`; it may begin in the middle of a frame */
    uint8_t out[PREFIX + FRAME_MAX];
    uint8_t in[IN_SIZE];
};

static void lose(struct stream *s, const char *why)
{
    if (s->sock < 0)
        return;
    log_error("%s %s; the guest's cable is out", s->peer, why);
    loop_fd_remove(&s->source);
    close(s->sock);
    s->sock = -1;
    s->port.events->gone(s->port.events_data);
}

/* The bytes that the socket took, 0 where it is full, or -1 where the peer is gone. */
static ssize_t send_some(struct stream *s, struct iovec *iov, size_t n)
{
    struct msghdr msg = { .msg_iov = iov, .msg_iovlen = n };
    ssize_t sent;
    do
        sent = sendmsg(s->sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN)
        return 0;
    lose(s, "has ended");
    return -1;
}

/* Whether nothing of the frames before is left to send. */
static bool flushed(struct stream *s)
{
    while (s->out_start < s->out_end) {
        struct iovec rest = { s->out + s->out_start, s->out_end - s->out_start };
        ssize_t sent = send_some(s, &rest, 1);
        if (sent <= 0)
            return false;
        s->out_start += (size_t)sent;
    }
    s->out_start = s->out_end = 0;
    return true;
}

static size_t available(const struct stream *s)
{
    return (size_t)(s->in_end - s->in_start);
}

/* Where `len` bytes of the ring are, from that one on: in one piece, or two. */
static unsigned in_pieces(struct stream *s, uint64_t from, size_t len, struct iovec pieces[2])
{
    size_t at = from % IN_SIZE, first = MIN(len, IN_SIZE - at);
    pieces[0] = (struct iovec){ s->in + at, first };
    pieces[1] = (struct iovec){ s->in, len - first };
    return first < len ? 2 : 1;
}

/* Whether a whole frame is there, and how long it is without its prefix, as far as that is known, or else
 * 0. False, too, where its length is none. */
static bool whole_frame(struct stream *s, uint32_t *len)
{
    struct iovec pieces[2];
    *len = 0;
    if (available(s) < PREFIX)
        return false;
    unsigned n = in_pieces(s, s->in_start, PREFIX, pieces);
    iov_read(pieces, n, 0, len, PREFIX);
    *len = ntohl(*len);
    return *len <= FRAME_MAX && available(s) - PREFIX >= *len;
}

/* There is room for more. 0, -EAGAIN, or -EPIPE where the peer is gone or out of its mind. */
static int receive_more(struct stream *s)
{
    struct iovec room[2];
    struct msghdr msg = { .msg_iov = room };
    ssize_t got;
    if (available(s) == 0) /* in the same few pages, which are in the processor's cache */
        s->in_start = s->in_end = 0;
    msg.msg_iovlen = in_pieces(s, s->in_end, IN_SIZE - available(s), room);
    do
        got = recvmsg(s->sock, &msg, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    s->behind = got > 0;
    if (got < 0 && errno == EAGAIN)
        return -EAGAIN;
    if (got <= 0) {
        lose(s, "has ended");
        return -EPIPE;
    }
    s->in_end += (size_t)got;
    return 0;
}

/* What the socket has, as far as there is room. */
static void receive_ahead(struct stream *s)
{
    while (s->sock >= 0 && available(s) < IN_SIZE)
        if (receive_more(s) < 0)
            return;
}

static void sock_ready(struct loop_fd *source, uint32_t events)
{
    struct stream *s = container_of(source, struct stream, source);
    if (events & EPOLLOUT)
        (void)flushed(s);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        receive_ahead(s);
    s->port.events->ready(s->port.events_data, 0, events & (EPOLLIN | EPOLLHUP | EPOLLERR),
                          events & EPOLLOUT);
}

static int stream_start(struct net_port *port, struct loop *loop, unsigned offloads)
{
    struct stream *s = container_of(port, struct stream, port);
    if (s->sock < 0)
        return 0;
    /* Edges: what is there is taken until there is no more. */
    return loop_fd_add(loop, &s->source, s->sock, EPOLLIN | EPOLLOUT | EPOLLET, sock_ready);
}

static void stream_stop(struct net_port *port)
{
    loop_fd_remove(&container_of(port, struct stream, port)->source);
}

static ssize_t stream_recv(struct net_port *port, unsigned pair, const struct iovec *iov,
                           unsigned n)
{
    static const struct virtio_net_hdr_v1 header;
    struct stream *s = container_of(port, struct stream, port);
    uint32_t len;
    if (s->behind && available(s) < IN_SIZE / 2)
        receive_ahead(s);
    for (;;) {
        while (!whole_frame(s, &len)) {
            if (len > FRAME_MAX)
                lose(s, "sends what are no frames");
            int err = s->sock < 0 ? -EPIPE : receive_more(s);
            if (err < 0)
                return err;
        }
        struct iovec frame[2];
        unsigned pieces = in_pieces(s, s->in_start + PREFIX, len, frame);
        s->in_start += PREFIX + len;
        if (len < NET_FRAME_MIN)
            continue;
        iov_write(iov, n, 0, &header, sizeof(header));
        size_t at = sizeof(header);
        for (unsigned i = 0; i < pieces; at += frame[i++].iov_len)
            iov_write(iov, n, at, frame[i].iov_base, frame[i].iov_len);
        return (ssize_t)(sizeof(header) + len);
    }
}

/* The bytes of a prefix and a frame that fit behind what is gathered. */
static void gather(struct stream *s, const struct iovec *iov, unsigned n, size_t len)
{
    const uint32_t prefix = htonl((uint32_t)len);
    memcpy(s->out + s->out_end, &prefix, PREFIX);
    iov_read(iov, n, 0, s->out + s->out_end + PREFIX, len);
    s->out_end += PREFIX + len;
}

/* What is gathered and the frame, in one system call if the socket takes them. 0 or -EAGAIN, as with
 * send. */
static int send_now(struct stream *s, const struct iovec *iov, unsigned n, size_t len)
{
    uint32_t prefix = htonl((uint32_t)len);
    struct iovec all[NET_MAX_IOV + 1];
    size_t gathered, sent;
    all[1] = (struct iovec){ &prefix, PREFIX };
    memcpy(all + 2, iov, n * sizeof(*iov));
    do {
        gathered = s->out_end - s->out_start;
        all[0] = (struct iovec){ s->out + s->out_start, gathered };
        unsigned skip = gathered == 0;
        ssize_t taken = send_some(s, all + skip, n + 2 - skip);
        if (taken <= 0)
            return taken < 0 ? 0 : -EAGAIN;
        sent = (size_t)taken;
        s->out_start += MIN(sent, gathered);
    } while (sent <= gathered);
    size_t rest = gathered + PREFIX + len - sent;
    iov_read(all, n + 2, sent, s->out, rest);
    s->out_start = 0;
    s->out_end = rest;
    return 0;
}

static int stream_send(struct net_port *port, unsigned pair, const struct virtio_net_hdr_v1 *header,
                       const struct iovec *iov, unsigned n, size_t len)
{
    struct stream *s = container_of(port, struct stream, port);
    if (s->sock < 0 || len > FRAME_MAX)
        return 0;
    /* What a full socket left goes first; and so many buffers are all that a system call takes. */
    if ((s->out_start > 0 || n + 2 > NET_MAX_IOV) && !flushed(s))
        return s->sock < 0 ? 0 : -EAGAIN;
    if (len > GATHERED_MAX || PREFIX + len > sizeof(s->out) - s->out_end)
        return send_now(s, iov, n, len);
    gather(s, iov, n, len);
    return 0;
}

static void stream_flush(struct net_port *port, unsigned pair)
{
    struct stream *s = container_of(port, struct stream, port);
    if (s->sock >= 0)
        (void)flushed(s);
}

static void stream_destroy(struct net_port *port)
{
    struct stream *s = container_of(port, struct stream, port);
    if (s->sock >= 0)
        close(s->sock);
    free(s);
}

static const struct net_port_ops stream_ops = {
    .name = "stream",
    .start = stream_start,
    .stop = stream_stop,
    .recv = stream_recv,
    .send = stream_send,
    .flush = stream_flush,
    .destroy = stream_destroy,
};

struct net_port *net_stream_create(int sock, const char *peer, uint16_t mtu)
{
    struct stream *s = calloc(1, sizeof(*s));
    if (!s) {
        log_error("out of memory");
        close(sock);
        return NULL;
    }
    s->port = (struct net_port){ .ops = &stream_ops, .max_pairs = 1, .mtu = mtu };
    s->peer = peer;
    s->sock = sock;
    return &s->port;
}
