/* SPDX-License-Identifier: MIT */
/* A port for the network card whose other end is the test: a datagram socket for each pair of queues,
 * whose datagrams are frames with their headers. */
#ifndef VITRINE_TESTS_DEVICE_CABLE_H
#define VITRINE_TESTS_DEVICE_CABLE_H

#include <stdatomic.h>

#include "vmm/base/loop.h"
#include "vmm/net/port.h"

struct cable {
    struct net_port port;
    struct cable_queue {
        struct cable *cable;
        struct loop_fd source;
        int card, test; /* the two ends */
    } queue[NET_MAX_PAIRS];
    atomic_uint started_with; /* offloads */
    atomic_uint pairs;        /* as the driver set them */
};

/* As many pairs, with these offloads. The port is the card's to destroy; the test's ends remain. */
void cable_init(struct cable *cable, unsigned pairs, unsigned offloads);
void cable_finish(struct cable *cable);

#endif
