/* SPDX-License-Identifier: MIT */
/*
 * The jail of the process that runs a driver on a hostile guest's commands. It is closed in three steps,
 * each as soon as what it takes away is needed no more:
 *
 *   jail_fork()   its parent makes it inside namespaces of its own: no other process, no network, and
 *                 no user with rights outside. Between this and jail_enter() it executes a program, so
 *                 that it has none of its parent's memory.
 *   jail_enter()  at its start, while it has one thread: a root of its own with what a GL driver reads,
 *                 no capabilities, no way to new ones, limits.
 *   jail_seal()   when the driver is loaded and all is open: the system calls that drawing takes.
 *
 * What a kernel refuses is said in one warning and left out; the rest holds. The namespaces and the
 * system calls overlap on purpose: each alone keeps the process in, but for files, which take a root of
 * its own.
 */
#ifndef VITRINE_JAIL_JAIL_H
#define VITRINE_JAIL_JAIL_H

#include <stdbool.h>
#include <sys/types.h>

/* Namespaces, one bit for each. */
enum jail_namespace {
    JAIL_USER = 1 << 0,
    JAIL_PID = 1 << 1,
    JAIL_MOUNT = 1 << 2,
    JAIL_NET = 1 << 3,
    JAIL_IPC = 1 << 4,
    JAIL_UTS = 1 << 5,
    JAIL_ALL = (1 << 6) - 1,
};

/* Like fork(), into the wanted namespaces; *got says, in the child, in which of them it is. The child
 * dies with the calling thread. As after fork() in a process with threads, it may do little before it
 * executes a program, which makes it user 0 of its namespace, where it has one. -1 and errno on failure.
 * Waits some milliseconds for a process between the two. */
pid_t jail_fork(unsigned want, unsigned *got);

/* Once, before there are threads and before GL is looked for. got: as jail_fork() said; render_node: the
 * DRM node that may be opened, or NULL: any, if there are. Warns of what can't be had. */
void jail_enter(unsigned got, const char *render_node);

/* From here on the process opens nothing for writing, makes no process or socket and executes nothing;
 * for all its threads. False is logged: the process must not serve a guest then. */
bool jail_seal(void);

#endif
