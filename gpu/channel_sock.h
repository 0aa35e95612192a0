/* SPDX-License-Identifier: MIT */
/* One end of the frame channel's socket: whole messages in, whole messages out, never blocking. */
#ifndef VITRINE_GPU_CHANNEL_SOCK_H
#define VITRINE_GPU_CHANNEL_SOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "gpu/channel_wire.h"
#include "vmm/base/loop.h"

/* Messages that wait while the socket is full. Both ends answer what they get and present one frame at
 * a time, so more than this waits only for a peer that reads nothing. */
#define CHANNEL_SOCK_QUEUE 512

struct channel_sock;

struct channel_sock_ops {
    /* A message of len bytes came (at least a head, at most a union channel_msg). Takes over the fds
     * that it sets to -1; the others are closed. False: it breaks a rule, and the channel is closed.
     * May close the channel itself. */
    bool (*message)(struct channel_sock *sock, const union channel_msg *msg, size_t len, int *fds,
                    unsigned n_fds);
    /* The peer is gone or broke a rule. The socket is closed; called last, once, from the loop. */
    void (*closed)(struct channel_sock *sock);
};

struct channel_queued;

/* Room for what shares a datagram. */
#define CHANNEL_SOCK_BATCH 256

/* Embedded by each end. */
struct channel_sock {
    const struct channel_sock_ops *ops;
    int fd; /* -1: closed */
    struct loop_fd source;
    struct loop_prepare prepare;
    size_t batch_len; /* bytes */
    char batch[CHANNEL_SOCK_BATCH];
    struct channel_queued *queue; /* a ring of CHANNEL_SOCK_QUEUE */
    unsigned head, n_queued;
    bool failed; /* sending failed: the loop is about to close it */
};

/* Takes fd, also where it fails. 0 or a negative errno. */
int channel_sock_init(struct channel_sock *sock, struct loop *loop, int fd,
                      const struct channel_sock_ops *ops);
/* Closes it without a call of ops->closed; harmless where it is closed, or zeroed with fd -1. */
void channel_sock_close(struct channel_sock *sock);
/* Sends, or queues with duplicates of the fds. What can't be sent or queued ends the channel, from the
 * loop; nothing is sent on a channel that is closed. */
void channel_sock_send(struct channel_sock *sock, const void *msg, size_t len, const int *fds,
                       unsigned n_fds);
/* Sends a DONE or RELEASED together with others, when the loop is about to sleep or something else is
 * sent. */
void channel_sock_post(struct channel_sock *sock, const void *msg, size_t len);

#endif
