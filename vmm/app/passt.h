/* SPDX-License-Identifier: MIT */
/*
 * passt, the network without privileges: a process that has a sandbox of its own and turns the guest's
 * frames into sockets of the host's. It gets its end of a socket pair and goes when that is closed, so
 * it never outlives us.
 */
#ifndef VITRINE_APP_PASST_H
#define VITRINE_APP_PASST_H

#include <stdbool.h>

/* What to say where there is no passt. */
#define PASST_MISSING "--net user: passt is not installed; on Debian, apt install passt"

struct loop;
struct net_options;
struct passt_start;

/* Starts passt and waits until its ports are open. The connected stream socket, of a kind for
 * net_stream_create(); -ENOENT where passt is not installed, which is not logged; another negative
 * errno, which is, at level error or, where it is not `needed`, as a warning. */
int passt_start(const struct net_options *options, bool needed);

/* The same without waiting, for the thread of the loop. done is called once, from the loop, which it gives the socket
 * to, or -1 and why there is none, which is logged then; the start is gone afterwards. NULL where it can't even be tried, which is logged as
 * an error. */
struct passt_start *passt_begin(struct loop *loop, const struct net_options *options,
                                void (*done)(void *data, int sock, const char *error), void *data);
/* Ends it, and what of passt there is; done is called now. */
void passt_cancel(struct passt_start *start);

#endif
