// SPDX-License-Identifier: MIT
#include "gpu/channel_sock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOG_MODULE "frames"
#include "gpu/channel.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

/* Messages taken for one wake-up, so that a peer that floods us starves no other source. */
#define MESSAGES_AT_ONCE 64

struct channel_queued {
    size_t len;
    unsigned n_fds;
    int fds[FRAME_MAX_PLANES];
    union channel_msg msg;
};

int channel_pair(int sock[2])
{
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sock) < 0)
        return -errno;
    return 0;
}

/* Sending can't close the channel under its caller's feet: the hang-up that this makes does, when the
 * loop sees it. */
static void fail(struct channel_sock *sock)
{
    sock->failed = true;
    shutdown(sock->fd, SHUT_RDWR);
}

static void flush(struct channel_sock *sock)
{
    while (sock->n_queued > 0) {
        struct channel_queued *q = &sock->queue[sock->head];
        ssize_t n = fd_send(sock->fd, &q->msg, q->len, q->fds, q->n_fds);
        if (n == -EAGAIN)
            return;
        if (n < 0) {
            fail(sock);
            return;
        }
        fd_close_all(q->fds, q->n_fds);
        sock->head = (sock->head + 1) % CHANNEL_SOCK_QUEUE;
        sock->n_queued--;
    }
    loop_fd_modify(&sock->source, EPOLLIN);
}

static bool enqueue(struct channel_sock *sock, const void *msg, size_t len, const int *fds,
                    unsigned n_fds)
{
    if (sock->n_queued == CHANNEL_SOCK_QUEUE) {
        log_warn("the other end reads nothing");
        return false;
    }
    struct channel_queued *q = &sock->queue[(sock->head + sock->n_queued) % CHANNEL_SOCK_QUEUE];
    q->len = len;
    q->n_fds = 0;
    memcpy(&q->msg, msg, len);
    for (; q->n_fds < n_fds; q->n_fds++) {
        q->fds[q->n_fds] = fcntl(fds[q->n_fds], F_DUPFD_CLOEXEC, 3);
        if (q->fds[q->n_fds] < 0) {
            log_warn("can't keep a file descriptor for the other end: %s", strerror(errno));
            fd_close_all(q->fds, q->n_fds);
            return false;
        }
    }
    if (sock->n_queued++ == 0)
        loop_fd_modify(&sock->source, EPOLLIN | EPOLLOUT);
    return true;
}

static void send_batch(struct channel_sock *sock)
{
    size_t len = sock->batch_len;

    sock->batch_len = 0;
    if (len > 0)
        channel_sock_send(sock, sock->batch, len, NULL, 0);
}

static void on_prepare(struct loop_prepare *prepare)
{
    send_batch(container_of(prepare, struct channel_sock, prepare));
}

void channel_sock_post(struct channel_sock *sock, const void *msg, size_t len)
{
    if (sock->fd < 0)
        return;
    if (len > sizeof(sock->batch) - sock->batch_len)
        send_batch(sock);
    memcpy(sock->batch + sock->batch_len, msg, len);
    sock->batch_len += len;
}

void channel_sock_send(struct channel_sock *sock, const void *msg, size_t len, const int *fds,
                       unsigned n_fds)
{
    if (sock->fd < 0 || sock->failed)
        return;
    send_batch(sock);
    if (sock->n_queued == 0) {
        ssize_t n = fd_send(sock->fd, msg, len, fds, n_fds);
        if (n >= 0)
            return;
        if (n != -EAGAIN) {
            fail(sock);
            return;
        }
    }
    if (!enqueue(sock, msg, len, fds, n_fds))
        fail(sock);
}

/* The size of what may share a datagram; 0: this may not. */
static size_t size_in_batch(uint32_t type)
{
    switch (type) {
    case CHANNEL_DONE:
        return sizeof(struct channel_done);
    case CHANNEL_RELEASED:
        return sizeof(struct channel_buffer_ref);
    default:
        return 0;
    }
}

/* Takes the messages of a datagram. False: it breaks a rule, or a message's receiver closed the channel. */
static bool take(struct channel_sock *sock, const char *datagram, size_t len, int *fds,
                 unsigned n_fds)
{
    union channel_msg msg;

    while (len >= sizeof(msg.head)) {
        memcpy(&msg.head, datagram, sizeof(msg.head));
        size_t size = size_in_batch(msg.head.type);
        if (size == 0 || size > len)
            size = len;
        memcpy(&msg, datagram, size);
        if (!sock->ops->message(sock, &msg, size, fds, n_fds)) {
            log_warn("message 0x%x of %zu bytes and %u fds breaks the rules", msg.head.type, size,
                     n_fds);
            return false;
        }
        datagram += size;
        len -= size;
        if (len == 0 || sock->fd < 0)
            return true;
    }
    log_warn("a datagram has %zu bytes too many", len);
    return false;
}

/* False where the channel has ended. */
static bool receive(struct channel_sock *sock, bool *more)
{
    union channel_msg datagram;
    int fds[FRAME_MAX_PLANES];
    unsigned n_fds = FRAME_MAX_PLANES;

    ssize_t n = fd_recv(sock->fd, &datagram, sizeof(datagram), fds, &n_fds);
    *more = false;
    if (n == -EAGAIN)
        return true;
    if (n <= 0) {
        if (n < 0 && n != -ECONNRESET)
            log_warn("reading failed: %s", strerror((int)-n));
        return false;
    }
    bool ok = take(sock, (const char *)&datagram, (size_t)n, fds, n_fds);
    fd_close_all(fds, n_fds);
    /* A frame, or its end, seldom has something behind it: the next wake-up brings that. */
    *more = datagram.head.type != CHANNEL_PRESENT && size_in_batch(datagram.head.type) == 0;
    return ok;
}

static void on_event(struct loop_fd *source, uint32_t events)
{
    struct channel_sock *sock = container_of(source, struct channel_sock, source);
    bool alive = true;

    if (!sock->failed && (events & EPOLLOUT))
        flush(sock);
    /* What the peer sent before it hung up still counts. */
    bool more = true;
    for (unsigned i = 0; alive && more && !sock->failed && i < MESSAGES_AT_ONCE; i++) {
        alive = receive(sock, &more);
        if (sock->fd < 0)
            return; /* the message's receiver closed the channel */
    }
    if (alive && !sock->failed)
        return;
    channel_sock_close(sock);
    sock->ops->closed(sock);
}

int channel_sock_init(struct channel_sock *sock, struct loop *loop, int fd,
                      const struct channel_sock_ops *ops)
{
    *sock = (struct channel_sock){ .ops = ops, .fd = fd };
    sock->queue = calloc(CHANNEL_SOCK_QUEUE, sizeof(*sock->queue));
    int err = sock->queue ? fd_set_nonblock(fd) : -ENOMEM;
    if (!err)
        err = loop_fd_add(loop, &sock->source, fd, EPOLLIN, on_event);
    if (err)
        channel_sock_close(sock);
    else
        loop_prepare_add(loop, &sock->prepare, on_prepare);
    return err;
}

void channel_sock_close(struct channel_sock *sock)
{
    if (sock->fd < 0)
        return;
    if (sock->source.loop)
        loop_prepare_remove(&sock->prepare);
    loop_fd_remove(&sock->source);
    while (sock->n_queued > 0) {
        struct channel_queued *q = &sock->queue[sock->head];
        fd_close_all(q->fds, q->n_fds);
        sock->head = (sock->head + 1) % CHANNEL_SOCK_QUEUE;
        sock->n_queued--;
    }
    free(sock->queue);
    sock->queue = NULL;
    close(sock->fd);
    sock->fd = -1;
}
