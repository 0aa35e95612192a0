// SPDX-License-Identifier: MIT
#include "vmm/virtio/vhost_user_io.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "vmm/base/fd.h"

#define HEADER_SIZE sizeof(struct vhost_user_header)

/* Receives up to len bytes of the message, with the fds that come along. */
static ssize_t receive(struct vhost_user_reader *reader, int sock, void *buf, size_t len)
{
    struct vhost_user_msg *msg = &reader->msg;
    int fds[VHOST_USER_MAX_REGIONS];
    unsigned n_fds = VHOST_USER_MAX_REGIONS;
    ssize_t n = fd_recv(sock, buf, len, fds, &n_fds);
    if (n <= 0)
        return n == 0 ? -EPIPE : n;
    if (n_fds > VHOST_USER_MAX_REGIONS - msg->n_fds) {
        fd_close_all(fds, n_fds);
        return -EPROTO;
    }
    memcpy(&msg->fds[msg->n_fds], fds, n_fds * sizeof(int));
    msg->n_fds += n_fds;
    reader->have += (size_t)n;
    return n;
}

int vhost_user_read(struct vhost_user_reader *reader, int sock)
{
    struct vhost_user_msg *msg = &reader->msg;
    for (;;) {
        ssize_t n;
        /* One message is never read into the next one, whose fds would be taken for its own. */
        if (reader->have < HEADER_SIZE) {
            n = receive(reader, sock, (char *)&msg->header + reader->have,
                        HEADER_SIZE - reader->have);
        } else {
            size_t got = reader->have - HEADER_SIZE;
            if (msg->header.size > sizeof(msg->payload))
                return -EPROTO;
            if (got == msg->header.size)
                return 1;
            n = receive(reader, sock, (char *)&msg->payload + got, msg->header.size - got);
        }
        if (n == -EAGAIN)
            return 0;
        if (n < 0)
            return (int)n;
    }
}

void vhost_user_reader_reset(struct vhost_user_reader *reader)
{
    fd_close_all(reader->msg.fds, reader->msg.n_fds);
    memset(reader, 0, sizeof(*reader));
}

int vhost_user_send(int sock, uint32_t request, uint32_t flags, const void *payload, uint32_t size,
                    const int *fds, unsigned n_fds)
{
    struct vhost_user_header header = {
        .request = request,
        .flags = flags | VHOST_USER_VERSION,
        .size = size,
    };
    char wire[HEADER_SIZE + sizeof(union vhost_user_payload)];
    if (size > sizeof(union vhost_user_payload))
        return -EINVAL;
    memcpy(wire, &header, HEADER_SIZE);
    if (size > 0)
        memcpy(wire + HEADER_SIZE, payload, size);
    ssize_t n = fd_send(sock, wire, HEADER_SIZE + size, fds, n_fds);
    if (n < 0)
        return (int)n;
    return (size_t)n == HEADER_SIZE + size ? 0 : -EPIPE;
}

bool vhost_user_is_event(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && (st.st_mode & S_IFMT) == 0;
}
