/* SPDX-License-Identifier: MIT */
/* Runs a device model behind vhost-user's back-end on a thread of the test's process. */
#ifndef VITRINE_TESTS_DEVICE_HOST_H
#define VITRINE_TESTS_DEVICE_HOST_H

struct host;
struct loop;
struct virtio_dev;

/* create runs on the test's thread before the loop runs, destroy on it after that ended. */
struct host_model {
    struct virtio_dev *(*create)(struct loop *loop, void *data);
    void (*destroy)(struct virtio_dev *dev, void *data);
    void *data;
};

/* Serves the model on sock, which it takes, until the connection or the host ends. */
struct host *host_start(const struct host_model *model, int sock);
/* Ends the thread, then the model. Accepts NULL. */
void host_stop(struct host *host);
/* Runs fn on the model's loop and waits for it. */
void host_call(struct host *host, void (*fn)(void *data), void *data);

#endif
