/* SPDX-License-Identifier: MIT */
/*
 * The GPU process and its successors. Where the machine has its front-end, the process may die at any
 * time, or hang, and another one takes its place: it gets the journal (gpu/journal.h) and the table of
 * what was in flight (vhost-user), which both are kept here. The guest's driver sees commands fail, the
 * user a picture that stands still. Where another program has the front-end, there is one process.
 *
 * After as many deaths in a minute as the options say, successors draw in 2D. Main loop; nothing waits but creation.
 */
#ifndef VITRINE_APP_GPU_KEEPER_H
#define VITRINE_APP_GPU_KEEPER_H

#include <stdbool.h>

struct channel_machine;
struct gpu_keeper;
struct loop;
struct screen_options;
struct virtio_dev;

struct gpu_keeper_events {
    /* The process is gone, and another one is started; it works. */
    void (*down)(void *data);
    void (*up)(void *data);
    /* The process is gone, with this status (gpu_child.h), and there is no other. */
    void (*ended)(void *data, int status);
};

/* Starts the process, waits until it can draw, and connects the channel to it. listener: a socket at which
 * it waits for another program's front-end (the caller's, who may close it now); -1: the front-end is
 * here. NULL is logged. channel and events outlive the keeper; options are copied. */
struct gpu_keeper *gpu_keeper_create(struct loop *loop, const struct screen_options *options,
                                     int listener, struct channel_machine *channel,
                                     const struct gpu_keeper_events *events, void *data);
/* Ends the process. After the device's transport is gone. Accepts NULL. */
void gpu_keeper_destroy(struct gpu_keeper *keeper);

/* The device; NULL where another program has the front-end. */
struct virtio_dev *gpu_keeper_dev(struct gpu_keeper *keeper);
/* The frame channel has ended: the process is about to end, or has to. */
void gpu_keeper_channel_closed(struct gpu_keeper *keeper);
/* Replaces the process, as if it had died. False where there is none to replace, or one is on its way. */
bool gpu_keeper_restart(struct gpu_keeper *keeper);
/* How many successors there were. */
unsigned gpu_keeper_restarts(const struct gpu_keeper *keeper);

#endif
