/* SPDX-License-Identifier: MIT */
/*
 * passt, the network without privileges: a process that has a sandbox of its own and turns the guest's
 * frames into sockets of the host's. It gets its end of a socket pair and goes when that is closed, so
 * it never outlives us.
 */
#ifndef VITRINE_APP_PASST_H
#define VITRINE_APP_PASST_H

#include <stdbool.h>

struct net_options;

/* Starts passt and waits until its ports are open. The connected stream socket, of a kind for
 * net_stream_create(); -ENOENT where passt is not installed, which is not logged; another negative
 * errno, which is, at level error or, where it is not `needed`, as a warning. */
int passt_start(const struct net_options *options, bool needed);

#endif
