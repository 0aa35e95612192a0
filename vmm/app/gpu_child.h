/* SPDX-License-Identifier: MIT */
/* The GPU process, as its parent sees it: started, watched, ended. Main loop. */
#ifndef VITRINE_APP_GPU_CHILD_H
#define VITRINE_APP_GPU_CHILD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "vmm/base/loop.h"

struct gpu_child {
    struct loop_fd source; /* the pidfd */
    pid_t pid;             /* 0: none */
    void (*exited)(struct gpu_child *child);
};

/* Starts `vitrine gpu` and gives the near ends of its two sockets: vhost-user and frames, which are
 * the caller's. exited is called once, when it ends by itself. False is logged. */
bool gpu_child_start(struct gpu_child *child, struct loop *loop, uint32_t width, uint32_t height,
                     int *vhost_fd, int *frames_fd, void (*exited)(struct gpu_child *child));
/* Kills the process if it runs and reaps it. */
void gpu_child_stop(struct gpu_child *child);

#endif
