/* SPDX-License-Identifier: MIT */
/* What a process and its children use, by /proc. Any thread. */
#ifndef VITRINE_APP_PROC_USAGE_H
#define VITRINE_APP_PROC_USAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct proc_usage {
    bool known;       /* it could be read */
    uint64_t started; /* in the kernel's ticks since the boot: tells processes with one pid apart */
    uint64_t cpu_ns;
    uint64_t resident; /* bytes of memory; what several processes map counts once */
    uint64_t read_bytes, written_bytes; /* of disks; what the host's cache has is not read again */
};

/* Of a process and of its direct children. */
void proc_usage_read(struct proc_usage *usage, pid_t pid);

#endif
