/* SPDX-License-Identifier: MIT */
/* The GPU process as a new process becomes it: its command line, its files, its environment. */
#ifndef VITRINE_APP_GPU_EXEC_H
#define VITRINE_APP_GPU_EXEC_H

#include <sys/types.h>

struct gpu_child_params;

/* Starts `vitrine gpu` (gpu.c) in its jail (vmm/jail/jail.h), or where the options say so without. It gets
 * the sockets and the journal, stderr, and nothing else that is open here, and of the environment what GL drivers read.
 * It dies with the calling thread. Its pid, a child's; -1 and errno on failure. */
pid_t gpu_exec(const struct gpu_child_params *params);

#endif
