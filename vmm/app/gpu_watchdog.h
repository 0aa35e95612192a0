/* SPDX-License-Identifier: MIT */
/* Tells a GPU process that hangs: no queue makes progress while the driver waits for something. It looks
 * at the rings, four times in its period, and wakes nobody else. Main loop. */
#ifndef VITRINE_APP_GPU_WATCHDOG_H
#define VITRINE_APP_GPU_WATCHDOG_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"

struct vhost_user_frontend;

#define GPU_WATCHDOG_QUEUES 2

struct gpu_watchdog {
    struct loop_timer timer;
    const struct vhost_user_frontend *frontend;
    unsigned seconds;
    void (*hangs)(struct gpu_watchdog *watchdog);
    struct {
        uint16_t used;
        bool busy;      /* at the last look */
        unsigned stuck; /* looks since when nothing was used */
    } queue[GPU_WATCHDOG_QUEUES];
};

/* seconds: 0: never. hangs is called once for each time that the process hung for as long. 0 or a
 * negative errno. */
int gpu_watchdog_init(struct gpu_watchdog *watchdog, struct loop *loop,
                      const struct vhost_user_frontend *frontend, unsigned seconds,
                      void (*hangs)(struct gpu_watchdog *watchdog));
/* Harmless where it is zeroed. */
void gpu_watchdog_finish(struct gpu_watchdog *watchdog);
/* Starts to look, at a process that is new; or looks no more. */
void gpu_watchdog_start(struct gpu_watchdog *watchdog);
void gpu_watchdog_stop(struct gpu_watchdog *watchdog);

#endif
