/* SPDX-License-Identifier: MIT */
/*
 * The front-end of vhost-user in a machine of a few lines: RAM and rings are the driver library's,
 * without its connection, and the transport counts what it hears.
 */
#ifndef VITRINE_TESTS_DEVICE_FRONTEND_BED_H
#define VITRINE_TESTS_DEVICE_FRONTEND_BED_H

#include "tests/device/driver_internal.h"
#include "tests/device/echo.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/vhost_user_frontend.h"

struct loop;

struct frontend_bed {
    struct loop *loop;
    struct host *host;
    struct echo echo;
    struct driver driver; /* RAM and rings */
    struct guest_mem mem;
    struct vhost_user_frontend *frontend;
    struct virtio_dev *dev;
    unsigned changes, breaks, deaths;
    int peer; /* the back-end's end, where the test plays it */
};

/* cmocka fixtures: with our back-end around the echo device on a thread, or without any. */
int frontend_set_up(void **state);
int frontend_set_up_alone(void **state);
int frontend_tear_down(void **state);

struct vhost_user_frontend_params frontend_params(struct frontend_bed *f);
/* Makes the front-end, which takes sock; f->frontend is NULL where it was refused. */
void frontend_connect(struct frontend_bed *f, int sock, const struct vhost_user_frontend_params *p);
/* Fresh rings in the device's queues; start starts the device with them. */
void frontend_prepare_queues(struct frontend_bed *f);
void frontend_start(struct frontend_bed *f);
void frontend_check_echo(struct frontend_bed *f, unsigned queue);
/* Runs the loop until *count is value. */
void frontend_run_until(struct frontend_bed *f, const unsigned *count, unsigned value);

#endif
