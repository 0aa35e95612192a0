/* SPDX-License-Identifier: MIT */
/* The GPU process, as its parent sees it: started, watched, ended. Main loop. */
#ifndef VITRINE_APP_GPU_CHILD_H
#define VITRINE_APP_GPU_CHILD_H

#include <stdbool.h>
#include <sys/types.h>

#include "vmm/base/loop.h"

struct screen_options;

struct gpu_child {
    struct loop_fd source;      /* the pidfd */
    struct loop_timer patience; /* how long it may take to end when it was told to */
    pid_t pid;                  /* 0: none */
    bool dismissed;             /* killed by gpu_child_dismiss() */
    void (*exited)(struct gpu_child *child, int status);
};

/* What the process is started with; the fds stay the caller's. */
struct gpu_child_params {
    const struct screen_options *options;
    int vhost_fd;   /* its end of vhost-user's socket, or a socket that listens for its front-end */
    int frames_fd;  /* its end of the frame channel */
    int journal_fd; /* gpu/journal.h; -1: none */
    bool claim_3d;  /* offer 3D in any case, as a predecessor did */
    void (*exited)(struct gpu_child *child, int status);
};

/* Starts `vitrine gpu`. exited is called once, when it has ended, with its exit status, or 128 and the
 * signal that it died of: then, or where the status is not one that the process has explained by
 * itself, that was logged. False is logged. */
bool gpu_child_start(struct gpu_child *child, struct loop *loop,
                     const struct gpu_child_params *params);
/* Waits until the process has said over the frame channel, whose other end is frames_fd, that it can
 * draw. False where it ended instead, or takes too long: one line said why, by the process or here, and
 * exited is not called. */
bool gpu_child_wait_ready(struct gpu_child *child, int frames_fd, int timeout_ms);
/* Tells the process to end, and kills it if it does not soon: exited is called. Harmless where there
 * is none. */
void gpu_child_end(struct gpu_child *child);
/* The same, without patience. */
void gpu_child_kill(struct gpu_child *child);
/* The same where somebody has asked for it, so that its death is nothing to log. */
void gpu_child_dismiss(struct gpu_child *child);
/* Kills the process if it runs and reaps it; exited is not called. */
void gpu_child_stop(struct gpu_child *child);

#endif
