/* SPDX-License-Identifier: MIT */
/*
 * The back-end of vhost-user (QEMU's docs/interop/vhost-user.rst): carries any virtio device model
 * for a front-end in another process, ours or QEMU's.
 *
 * It is the model's transport: the features, queues and memory that the front-end sends become the
 * model's. The model starts when the front-end sets DRIVER_OK, or, for one that did not negotiate
 * STATUS or says no more than FEATURES_OK, when the first queue has its rings, memory and kick and is
 * enabled. It stops, as a whole, when a queue is stopped or disabled, the status goes to 0, or the connection ends; afterwards the
 * next queue to be set up or DRIVER_OK starts it again with all queues that are ready.
 *
 * Everything that comes over the socket is checked: a front-end that breaks the protocol is logged
 * and disconnected. All of it runs on the loop that the model runs on.
 */
#ifndef VITRINE_VIRTIO_VHOST_USER_BACKEND_H
#define VITRINE_VIRTIO_VHOST_USER_BACKEND_H

struct loop;
struct vhost_user_backend;
struct virtio_dev;

/* Serves dev over a stream socket, which it takes, also where it fails: a connected one, or one that
 * listens, for the first front-end that comes; then nobody listens there any more. dev stays the
 * caller's, outlives the back-end, and has no other transport meanwhile; dev->loop is set to loop.
 * gone: the connection ended and the model is stopped; it may destroy the back-end. NULL where
 * memory or fds are short. */
struct vhost_user_backend *vhost_user_backend_create(struct loop *loop, struct virtio_dev *dev,
                                                     int sock, void (*gone)(void *data),
                                                     void *data);
/* Stops the model and ends the connection; gone is not called. Accepts NULL. */
void vhost_user_backend_destroy(struct vhost_user_backend *backend);

#endif
