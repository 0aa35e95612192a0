/* SPDX-License-Identifier: MIT */
/* What a GPU process does for the one that died before it: makes its screens anew, from the journal, and
 * answers the commands that it left. On the device's loop. */
#ifndef VITRINE_GPU_TAKEOVER_H
#define VITRINE_GPU_TAKEOVER_H

struct virtio_gpu;
struct virtq;

/* As the device starts, with its memory and features: makes what the journal holds, if anything. Host
 * resources are filled from their backings; what can't be made is forgotten. */
void takeover_restore(struct virtio_gpu *gpu);
/* Answers what was in flight in the queue with an error, and so completes its fences: it may be what the
 * predecessor died of. */
void takeover_answer(struct virtio_gpu *gpu, struct virtq *q);

#endif
