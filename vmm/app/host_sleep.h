/* SPDX-License-Identifier: MIT */
/*
 * The host's sleep, as logind tells of it (org.freedesktop.login1.Manager, PrepareForSleep): a delay lock is held, so
 * that the host waits until the VM stands still. Without a bus or a logind, nothing is ever told. Main loop; nothing
 * waits for the bus.
 */
#ifndef VITRINE_APP_HOST_SLEEP_H
#define VITRINE_APP_HOST_SLEEP_H

#include <stdbool.h>
#include <stdint.h>

struct host_sleep;
struct loop;

struct host_sleep_events {
    /* The host is about to sleep, which it does when this returns. */
    void (*sleeps)(void *data);
    /* It is awake again, and slept for so long. */
    void (*woke)(void *data, uint64_t slept_ns);
};

/* name: the VM's, for who asks logind what it waits for. NULL where there is no system bus, or vitrine was built
 * without libsystemd; a line of debugging says so. */
struct host_sleep *host_sleep_create(struct loop *loop, const char *name,
                                     const struct host_sleep_events *events, void *data);
/* Whether there is a logind that would tell. Any thread. */
bool host_sleep_is_told(void);
/* Accepts NULL. */
void host_sleep_destroy(struct host_sleep *sleep);

#endif
