/* SPDX-License-Identifier: MIT */
/* The GPU process: virtio-gpu behind vhost-user, with its frames on the frame channel. */
#ifndef VITRINE_GPU_PROCESS_H
#define VITRINE_GPU_PROCESS_H

#include "gpu/virtio_gpu.h"

struct gpu_process_options {
    /* One of the two: a path at which to wait for the front-end, or a socket (taken), connected to it
     * or listening for it. */
    const char *socket; /* or NULL */
    int socket_fd;      /* or -1 */
    int journal_fd;     /* the journal (taken), or -1 */
    int frames_fd;      /* the frame channel's socket (taken); -1: frames are shown nowhere */
    struct virtio_gpu_options gpu;
    /* Called when all is open and loaded, before the display and a guest are spoken to; false (logged) ends the process.
     * NULL: nothing. */
    bool (*seal)(void);
};

/* Serves until the front-end hangs up or SIGTERM comes. Returns the process's exit status. */
int gpu_process_main(const struct gpu_process_options *options);

#endif
