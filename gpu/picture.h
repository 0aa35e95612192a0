/* SPDX-License-Identifier: MIT */
/* Where a frame's pixels come from: a buffer that the display imports, else a copy of what changed. */
#ifndef VITRINE_GPU_PICTURE_H
#define VITRINE_GPU_PICTURE_H

#include <stdbool.h>

struct frame;
struct scanout;
struct virtio_gpu;

/* Sets the frame's buffer, source and copied for what the scanout shows now; its damage is set
 * already. False where there is no buffer at the moment. */
bool picture_make(struct virtio_gpu *gpu, struct scanout *s, struct frame *frame);
/* Lets go of the buffers that pictures were copied into. */
void picture_drop_pool(struct scanout *s);

#endif
