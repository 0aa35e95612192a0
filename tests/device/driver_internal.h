/* SPDX-License-Identifier: MIT */
/* What driver.c (the connection) and driver_queue.c (RAM and rings) share. */
#ifndef VITRINE_TESTS_DEVICE_DRIVER_INTERNAL_H
#define VITRINE_TESTS_DEVICE_DRIVER_INTERNAL_H

#include "tests/device/driver.h"

struct driver {
    int sock, req_sock;
    uint64_t offered, features, protocol;
    uint8_t *ram;
    int ram_fd;
    uint64_t low_next, high_next; /* offsets of free RAM */
    unsigned n_queues;
    struct driver_queue queue[VIRTIO_MAX_QUEUES];
    struct vhost_user_inflight_desc inflight;
    int inflight_fd;   /* -1: there is none */
    struct host *host; /* NULL where the back-end is another's */
};

void driver_ram_init(struct driver *d);
void driver_ram_finish(struct driver *d);
void driver_queue_init(struct driver *d, unsigned queue, uint16_t size);
void driver_queue_finish(struct driver_queue *q);
/* Waits until fd is readable; false after timeout_ms. */
bool driver_poll(int fd, int timeout_ms);

#endif
