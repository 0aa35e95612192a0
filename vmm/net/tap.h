/* SPDX-License-Identifier: MIT */
/* A tap device of the host's (Linux, Documentation/networking/tuntap.rst): frames go from guest memory
 * to the kernel and back with one system call and no copy of ours, offloads included. */
#ifndef VITRINE_NET_TAP_H
#define VITRINE_NET_TAP_H

struct net_port;

/* Attaches to the tap device `name`, and makes it where the caller may; with `pairs` queues (1 to
 * NET_MAX_PAIRS). NULL where that fails, which is logged. */
struct net_port *net_tap_open(const char *name, unsigned pairs);

#endif
