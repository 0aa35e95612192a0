/* SPDX-License-Identifier: MIT */
/*
 * The front-end of vhost-user (QEMU's docs/interop/vhost-user.rst): a virtio device of the machine
 * whose model lives in another process. It is a struct virtio_dev with external queues, so that
 * virtio-pci carries it like any other; the queues' memory, kick and call eventfds go to the
 * back-end, and no queue passes through us.
 *
 * The configuration space is cached here: a vCPU reads and writes the cache and never waits for the
 * back-end. The loop refreshes the cache when the back-end says that it changed, and posts writes
 * behind what the vCPU did. All socket I/O is on the loop: creation and stop wait for the back-end,
 * with a deadline; nothing else does.
 */
#ifndef VITRINE_VIRTIO_VHOST_USER_FRONTEND_H
#define VITRINE_VIRTIO_VHOST_USER_FRONTEND_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct vhost_user_frontend;
struct virtio_dev;

struct vhost_user_frontend_params {
    const char *name;    /* for messages; kept, not copied */
    uint16_t device_id;  /* VIRTIO_ID_*: what the back-end is expected to be */
    unsigned n_queues;   /* at most VIRTIO_MAX_QUEUES */
    uint16_t queue_size; /* of each queue, a power of two, at most VIRTQ_MAX_SIZE */
    uint32_t config_len; /* bytes of configuration space, at most 256; 0: none */
    /* Those bytes, where they are constant and not the back-end's to say; kept, not copied. Else NULL. */
    const void *config;
    /* How long creation waits for the back-end's answers, which come when its process is up. */
    unsigned connect_timeout_ms;
    /* The back-end hung up, broke the protocol or missed a deadline: it is no longer spoken to. End
     * its process here (SIGKILL), so that it touches guest memory no more; do not destroy the
     * front-end here. Called once, on the loop, perhaps inside the transport's stop. The device goes
     * on answering from the cache, and its driver sees DEVICE_NEEDS_RESET. */
    void (*died)(void *data);
    /* The back-end is replaced when it dies (vhost_user_frontend_reconnect()): the driver is not told,
     * and may even reset the device meanwhile. */
    bool replaceable;
    /* The device is about to start with nothing left from before a reset; or NULL. */
    void (*fresh)(void *data);
    void *data;
};

/* Negotiates with the back-end at the other end of sock, a connected stream socket, which it takes,
 * also where it fails. NULL where the back-end does not answer in time or cannot be used; said in a
 * log line. Before the vCPUs run. */
struct vhost_user_frontend *vhost_user_frontend_create(
    struct loop *loop, int sock, const struct vhost_user_frontend_params *params);
/* On the loop, after the transport is gone. Accepts NULL. */
void vhost_user_frontend_destroy(struct vhost_user_frontend *frontend);

/* Goes on with a successor of the back-end that died, or whose process did: negotiates with the one at
 * the other end of sock, which it takes, within the connect timeout, and hands it the device as it is,
 * with the table of what its predecessor had in flight. 0, or a negative errno, which is logged: the
 * front-end may be reconnected again. On the loop. */
int vhost_user_frontend_reconnect(struct vhost_user_frontend *frontend, int sock);
/* How a queue of the started device stands: false where it is not enabled. used: the used ring's index;
 * busy: the driver waits for something. Both are the guest's word. */
bool vhost_user_frontend_progress(const struct vhost_user_frontend *frontend, unsigned queue,
                                  uint16_t *used, bool *busy);

/* The device, for virtio_pci_create(). */
struct virtio_dev *vhost_user_frontend_dev(struct vhost_user_frontend *frontend);
/* Whether the back-end is still spoken to. */
bool vhost_user_frontend_alive(const struct vhost_user_frontend *frontend);

#endif
