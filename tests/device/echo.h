/* SPDX-License-Identifier: MIT */
/*
 * A device model for tests of what carries models. Queue 0 and 1 echo: what a chain brings is written
 * back reversed. The configuration space is 16 bytes, of which the last 8 can be written.
 */
#ifndef VITRINE_TESTS_DEVICE_ECHO_H
#define VITRINE_TESTS_DEVICE_ECHO_H

#include <pthread.h>
#include <stdbool.h>

#include "tests/device/host.h"
#include "vmm/virtio/device.h"

#define ECHO_QUEUES 2
#define ECHO_CONFIG 16
#define ECHO_F_ODD 3 /* a feature that it offers */

struct echo {
    struct virtio_dev dev;
    pthread_mutex_t lock; /* guards config */
    uint8_t config[ECHO_CONFIG];
    unsigned starts, stops, echoed;
    struct virtq_chain chain;
};

/* data: a zeroed struct echo. */
struct virtio_dev *echo_create(struct loop *loop, void *data);
void echo_destroy(struct virtio_dev *dev, void *data);
/* On the device's loop; data: the struct echo. Adds 1 to each byte of the configuration. */
void echo_change_config(void *data);

#endif
