/* SPDX-License-Identifier: MIT */
/*
 * The front-end's end of the socket: requests go out, and replies are matched to them. Replies come
 * in the order of their requests, so the requests that expect one wait in a ring, and a reply belongs
 * to the oldest; anything else ends the connection. Part of vhost_user_frontend.c; on its loop.
 *
 * Nothing waits for longer than until the deadline that was set last. What fails does so with -EPIPE,
 * after dead was called.
 */
#ifndef VITRINE_VIRTIO_VHOST_USER_CLIENT_H
#define VITRINE_VIRTIO_VHOST_USER_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "vmm/virtio/vhost_user_io.h"

#define VHOST_USER_MAX_EXPECTED 32

struct vhost_user_client;

struct vhost_user_client_ops {
    /* The reply that was due next, with one fd (which may be taken) where GET_INFLIGHT_FD was asked, else
     * with none; may send. NULL, or what is wrong with it: "answered …". */
    const char *(*reply)(struct vhost_user_client *client, struct vhost_user_msg *msg);
    /* The connection is over, and why: "hung up". The socket is closed behind this call, the only one. */
    void (*dead)(struct vhost_user_client *client, const char *why);
};

struct vhost_user_client {
    const struct vhost_user_client_ops *ops;
    int sock; /* -1 once the connection is over */
    struct vhost_user_reader reader;
    uint64_t deadline_ns;
    uint32_t expected[VHOST_USER_MAX_EXPECTED]; /* requests that wait for their reply: a ring */
    unsigned first, n_expected;
};

/* Takes sock, which is non-blocking. */
void vhost_user_client_init(struct vhost_user_client *client,
                            const struct vhost_user_client_ops *ops, int sock);
/* Closes the socket; dead is not called. */
void vhost_user_client_close(struct vhost_user_client *client);

void vhost_user_client_deadline(struct vhost_user_client *client, unsigned ms);

/* Sends a message to which no reply comes; waits while the socket is full. 0 or -EPIPE. */
int vhost_user_client_send(struct vhost_user_client *client, uint32_t request, const void *payload,
                           size_t size, const int *fds, unsigned n_fds);
/* Sends a request that has a reply (flags: 0), or that asks for an acknowledgement
 * (VHOST_USER_NEED_REPLY). No more than VHOST_USER_MAX_EXPECTED may be under way. 0 or -EPIPE. */
int vhost_user_client_ask(struct vhost_user_client *client, uint32_t request, uint32_t flags,
                          const void *payload, size_t size);

/* Takes the replies that are there. */
void vhost_user_client_readable(struct vhost_user_client *client);
/* Waits for every reply that is due. 0 or -EPIPE. */
int vhost_user_client_await(struct vhost_user_client *client);

#endif
