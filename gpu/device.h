/* SPDX-License-Identifier: MIT */
/* The state of a virtio GPU, shared by the files that implement it and by no others. */
#ifndef VITRINE_GPU_DEVICE_H
#define VITRINE_GPU_DEVICE_H

#include <linux/virtio_gpu.h>
#include <stdatomic.h>

#include "gpu/backend.h"
#include "gpu/buffer.h"
#include "gpu/fence.h"
#include "gpu/frame.h"
#include "gpu/resource.h"
#include "gpu/scanout.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/virtq.h"

/* Virtio's pixel formats come down to four fourccs. */
#define IMPORT_FORMATS 4

enum { QUEUE_CONTROL, QUEUE_CURSOR, QUEUE_COUNT };

struct virtio_gpu {
    struct virtio_dev dev;
    struct producer producer;
    struct gpu_buffer_owner owner; /* of all buffers */
    struct display *display;       /* NULL: nobody looks */
    struct gpu_backend *backend;
    int udmabuf; /* /dev/udmabuf, or a negative errno */
    _Atomic uint32_t
        events_read; /* set by the loop's thread, cleared by any; guards nothing else */
    bool watched;    /* the display said what it imports */
    unsigned n_imports;
    struct display_format import[IMPORT_FORMATS]; /* with the modifier to use */
    unsigned n_scanouts;
    struct scanout scanout[DISPLAY_MAX_SCANOUTS];
    struct resource_table resources;
    struct fences fences;
    struct loop_task more; /* goes on with a queue that had much in it */
    struct virtq_chain chain;
};

/* Executes the command in gpu->chain, which came from queue q, and answers it or keeps the answer
 * back. */
void gpu_execute(struct virtio_gpu *gpu, struct virtq *q);
/* Forgets a resource; scanouts that show it go off. */
void gpu_resource_destroy(struct virtio_gpu *gpu, struct gpu_resource *resource);

#endif
