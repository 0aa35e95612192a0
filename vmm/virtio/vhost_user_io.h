/* SPDX-License-Identifier: MIT */
/*
 * vhost-user messages over a stream socket: a reader that takes them in any number of pieces, and
 * a sender. Used by both ends, each on its own thread.
 */
#ifndef VITRINE_VIRTIO_VHOST_USER_IO_H
#define VITRINE_VIRTIO_VHOST_USER_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/virtio/vhost_user_proto.h"

struct vhost_user_msg {
    struct vhost_user_header header;
    union vhost_user_payload payload; /* bytes past header.size are zero */
    int fds[VHOST_USER_MAX_REGIONS];  /* owned by the message; a handler takes one by steal_fd() */
    unsigned n_fds;
};

/* One message on its way in. Zero-initialised it is empty. */
struct vhost_user_reader {
    struct vhost_user_msg msg;
    size_t have; /* bytes of header and payload so far */
};

/* Reads on. 1: reader->msg is whole and the caller's until vhost_user_reader_reset(). 0: the
 * (non-blocking) socket has no more for now. -EPIPE: the peer is gone; -EPROTO: a size that no
 * message has, or too many fds; or another negative errno. After an error only reset is allowed. */
int vhost_user_read(struct vhost_user_reader *reader, int sock);
/* Forgets the message and closes the fds that nobody took. */
void vhost_user_reader_reset(struct vhost_user_reader *reader);

/* Sends a whole message with n_fds fds, which stay the caller's. 0; -EAGAIN where the non-blocking
 * socket is full and nothing was sent; or another negative errno, after which the stream is broken. */
int vhost_user_send(int sock, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
                    const int *fds, unsigned n_fds);

/* Whether fd can be an eventfd: it is an anonymous inode. A write to one can neither block, once it
 * is non-blocking, nor raise SIGPIPE. */
bool vhost_user_is_event(int fd);

#endif
