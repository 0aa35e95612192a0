/* SPDX-License-Identifier: MIT */
/* The state of a virtio GPU, shared by the files that implement it and by no others. */
#ifndef VITRINE_GPU_DEVICE_H
#define VITRINE_GPU_DEVICE_H

#include <linux/virtio_gpu.h>
#include <stdatomic.h>

#include "gpu/backend.h"
#include "gpu/buffer.h"
#include "gpu/context.h"
#include "gpu/fence.h"
#include "gpu/frame.h"
#include "gpu/imports.h"
#include "gpu/pace.h"
#include "gpu/resource.h"
#include "gpu/scanout.h"
#include "gpu/timeline.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/virtq.h"

enum { QUEUE_CONTROL, QUEUE_CURSOR, QUEUE_COUNT };

struct journal;

struct virtio_gpu {
    struct virtio_dev dev;
    struct producer producer;
    struct gpu_buffer_owner owner; /* of all buffers */
    struct display *display;       /* NULL: nobody looks */
    struct gpu_backend *backend;
    struct gpu_backend_events backend_events;
    int udmabuf; /* /dev/udmabuf, or a negative errno */
    _Atomic uint32_t
        events_read; /* set by the loop's thread, cleared by any; guards nothing else */
    bool watched;    /* the display said what it imports */
    struct imports imports;
    unsigned n_scanouts, n_capsets; /* fixed once the device is made */
    struct scanout scanout[DISPLAY_MAX_SCANOUTS];
    struct resource_table resources;
    struct context_table contexts;
    struct journal *journal; /* for a successor; NULL: there will be none */
    struct fences fences;
    struct timeline timeline; /* of a back-end that renders */
    struct pace pace;         /* of the same */
    struct loop_task more;    /* goes on with a queue that had much in it */
    struct virtq_chain chain;
    bool flush_kept;             /* the last command's answer is kept, for 40 ms at most */
    bool answer_soon;            /* of those before it, somebody may wait for an answer */
    uint32_t *submit;            /* a SUBMIT_3D's words */
    uint32_t submit_room;        /* bytes */
    char capset[GPU_CAPSET_MAX]; /* a GET_CAPSET's answer */
};

/* Executes the command in gpu->chain, which came from queue q, and answers it or keeps the answer
 * back. */
void gpu_execute(struct virtio_gpu *gpu, struct virtq *q);
/* Gives a chain back whose answer is written: at once, or, where `fenced`, once what was rendered until
 * now is done, and, where `paced`, what was flushed before is shown. */
void gpu_give_back(struct virtio_gpu *gpu, struct virtq *q, uint16_t head, uint32_t written,
                   bool fenced, bool paced);
/* Forgets a context and all that is in it. */
void gpu_context_destroy(struct virtio_gpu *gpu, struct gpu_context *context);
/* Answers the command in gpu->chain, which came from queue q, with ERR_UNSPEC. */
void gpu_refuse(struct virtio_gpu *gpu, struct virtq *q);
/* Makes guest memory a resource's backing, which it has none of. VIRTIO_GPU_RESP_*. */
uint32_t gpu_resource_attach(struct virtio_gpu *gpu, struct gpu_resource *resource,
                             const struct virtio_gpu_mem_entry *entries, unsigned n);
/* Shows a part of a resource, which lies in it by layout (a host resource's: its own), on a scanout, if
 * all of that fits together. VIRTIO_GPU_RESP_*. */
uint32_t gpu_show(struct virtio_gpu *gpu, struct scanout *scanout, struct gpu_resource *resource,
                  const struct resource_layout *layout, const struct frame_rect *source);
/* Makes a resource the scanout's cursor image, or hides it (0); the display is not told.
 * VIRTIO_GPU_RESP_*. */
uint32_t gpu_set_cursor(struct virtio_gpu *gpu, struct scanout *scanout, uint32_t resource_id,
                        uint32_t hot_x, uint32_t hot_y);
/* Forgets a resource; scanouts that show it go off. */
void gpu_resource_destroy(struct virtio_gpu *gpu, struct gpu_resource *resource);

#endif
