/* SPDX-License-Identifier: MIT */
/*
 * The virtio GPU device (virtio 1.2, 5.7): control and cursor queue, EDID, guest-memory blobs, the 2D
 * commands, and the 3D ones where its back-end renders. It drives a struct display and hears from it as a struct producer; what is on the other
 * side, a window in this process or the frame channel, it does not know.
 *
 * All of it belongs to one loop, except that the configuration space may be read and written by any
 * thread (vmm/virtio/device.h).
 */
#ifndef VITRINE_GPU_VIRTIO_GPU_H
#define VITRINE_GPU_VIRTIO_GPU_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"

struct gpu_backend_maker;
struct journal;
struct loop;
struct virtio_dev;
struct virtio_gpu;

#define VIRTIO_GPU_DEFAULT_WIDTH 1280
#define VIRTIO_GPU_DEFAULT_HEIGHT 800

struct virtio_gpu_options {
    /* 1 to DISPLAY_MAX_SCANOUTS: as many as may ever be used, the number is fixed once the guest has
     * booted. 0: one. */
    unsigned n_scanouts;
    /* What each is driven with until the display says otherwise. 0×0: disconnected, but scanout 0 is
     * then connected with the default mode. */
    struct display_mode mode[DISPLAY_MAX_SCANOUTS];
    /* Who makes a back-end that renders, tried first; NULL: 2D only. It outlives the device. */
    struct gpu_backend_maker *maker;
    /* Offer the features of 3D even where nothing renders: a predecessor offered them, and its guest's
     * driver goes on by them. The commands then fail. */
    bool claim_3d;
    /* What a predecessor left, and a successor is left; NULL: neither. Outlives the device. */
    struct journal *journal;
    bool need_maker; /* fail where it can't, instead of going on in 2D */
    /* The most bytes of host memory that the guest's resources, guest blobs left out, and the copies of
     * its pictures may take together. 0: 1 GiB in 2D; half of what the host has where a back-end renders. */
    uint64_t host_memory_max;
};

/* NULL where memory is short; the reason is logged. The options are copied. */
struct virtio_gpu *virtio_gpu_create(struct loop *loop, const struct virtio_gpu_options *options);
/* Accepts NULL. The device is stopped, and the display has let go of all buffers (detach it by
 * virtio_gpu_set_display(gpu, NULL) and destroy it first). */
void virtio_gpu_destroy(struct virtio_gpu *gpu);

/* What holds host resources ("2d", "virgl") and what renders, "" in 2D. Live as long as the device. */
const char *virtio_gpu_backend_name(const struct virtio_gpu *gpu);
const char *virtio_gpu_renderer(const struct virtio_gpu *gpu);

/* For the transport. */
struct virtio_dev *virtio_gpu_dev(struct virtio_gpu *gpu);
/* For the display. */
struct producer *virtio_gpu_producer(struct virtio_gpu *gpu);
/* Where frames go from now on, or nowhere (NULL). Flushes complete at once until the display has said
 * which formats it imports; it is then shown what is lit. */
void virtio_gpu_set_display(struct virtio_gpu *gpu, struct display *display);

#endif
