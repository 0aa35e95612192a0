/* SPDX-License-Identifier: MIT */
/* Counts the system calls that child processes make, by tracing them from a thread of this one. */
#ifndef VITRINE_TESTS_WL_SYSCALLS_H
#define VITRINE_TESTS_WL_SYSCALLS_H

#include <stdbool.h>
#include <sys/types.h>

#define SYSCALLS_PROCESSES 2
#define SYSCALLS_MAX 512 /* of their numbers */

struct syscalls;

/* Traces children of this process, each of one thread. NULL where that is not allowed. */
struct syscalls *syscalls_start(const pid_t pid[SYSCALLS_PROCESSES]);
/* Calls that are entered are counted, from none, from now on; or no more. */
void syscalls_count(struct syscalls *s, bool on);
/* How often a process entered a call; nr -1: any. */
unsigned syscalls_of(const struct syscalls *s, unsigned process, int nr);
/* One line for a process: each call with its number for each of n rounds. */
void syscalls_print(const struct syscalls *s, unsigned process, const char *name, unsigned rounds);
/* Kills the processes and waits for them. */
void syscalls_end(struct syscalls *s);

#endif
