/* SPDX-License-Identifier: MIT */
/*
 * Where host resources live. The device decodes commands, keeps resources and contexts and drives
 * scanouts; a back-end holds the pixels that the guest uploads or renders. (Guest blobs need none: their
 * pixels are the guest's; one that renders hears of them.) One that renders for the guest (3D) says so by
 * a second table.
 *
 * Everything runs on the device's loop. Functions that return int give 0 or a negative errno, which the
 * device answers the guest with.
 */
#ifndef VITRINE_GPU_BACKEND_H
#define VITRINE_GPU_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame_rect;
struct gpu_backend;
struct gpu_buffer;
struct gpu_buffer_owner;
struct gpu_painter;
struct gpu_resource;
struct guest_mem;
struct loop;

/* A set of capabilities that a guest's driver asks for (virtio 1.2, 5.7.6.8). */
struct gpu_capset {
    uint32_t id; /* VIRTIO_GPU_CAPSET_* */
    uint32_t max_version;
    uint32_t max_size; /* bytes, at most GPU_CAPSET_MAX */
};

#define GPU_CAPSET_MAX 4096

/* What the guest wants of RESOURCE_CREATE_3D, in Gallium's terms and unchecked. */
struct gpu_texture_args {
    uint32_t target, format, bind; /* PIPE_TEXTURE_*, VIRGL_FORMAT_*, VIRGL_BIND_* */
    uint32_t width, height, depth;
    uint32_t array_size, last_level, nr_samples, flags; /* VIRGL_RESOURCE_* */
};

/* A box of one level of a texture and where its pixels are in the backing. The sums of the box's sides
 * fit in 31 bits, what the strides and the offset span in 32; whether all that is within the texture and
 * the backing is the back-end's to check. */
struct gpu_transfer {
    uint32_t x, y, z, width, height, depth;
    uint32_t level, stride, layer_stride; /* bytes; 0: as the texture's size and format say */
    uint64_t offset;                      /* bytes */
    bool to_host;
};

/* 3D. Contexts are named by the guest's numbers, which the device has checked: none is made twice, and
 * only those that exist are named. The same goes for resources, but whether one is attached to a context
 * is the back-end's to check. */
struct gpu_render_ops {
    /* What renders, for the user: "LLVMPIPE (…)". Never NULL. */
    const char *(*renderer)(struct gpu_backend *backend);
    /* The set at an index from 0; false past the last one. */
    bool (*capset)(struct gpu_backend *backend, unsigned index, struct gpu_capset *capset);
    /* Fills in max_size bytes of a set, which are zeroed. */
    void (*capset_data)(struct gpu_backend *backend, const struct gpu_capset *capset,
                        uint32_t version, void *data);

    /* capset_id: one of the sets', or 0 where the guest did not say. name: for debugging, len bytes
     * without an end. */
    int (*context_create)(struct gpu_backend *backend, uint32_t ctx, uint32_t capset_id,
                          const char *name, size_t len);
    void (*context_destroy)(struct gpu_backend *backend, uint32_t ctx);
    void (*context_attach)(struct gpu_backend *backend, uint32_t ctx,
                           struct gpu_resource *resource);
    void (*context_detach)(struct gpu_backend *backend, uint32_t ctx,
                           struct gpu_resource *resource);

    /* Like create of gpu_backend_ops, for any texture or buffer: sets resource->host, and the layout
     * where it can be shown on a screen (else it stays zero). -EINVAL, or -ENOMEM. */
    int (*create)(struct gpu_backend *backend, struct gpu_resource *resource,
                  const struct gpu_texture_args *args);
    /* A context or a device-wide command may use the resource's backing, which is set, from now on, and
     * after detach no more. The guest memory stays where it is until then. A guest blob is made by attach,
     * which sets resource->host, and unmade by detach, which clears it; contexts forget it then. */
    int (*attach)(struct gpu_backend *backend, const struct guest_mem *mem,
                  struct gpu_resource *resource);
    void (*detach)(struct gpu_backend *backend, struct gpu_resource *resource);
    int (*transfer)(struct gpu_backend *backend, uint32_t ctx, struct gpu_resource *resource,
                    const struct gpu_transfer *transfer);
    /* Runs n_words words of commands, which nobody else changes meanwhile. */
    int (*submit)(struct gpu_backend *backend, uint32_t ctx, uint32_t *words, uint32_t n_words);

    /* events->fenced(serial) comes once all that was asked for until now has been rendered: later, from
     * the loop. Serials count up and are never 0. */
    int (*fence)(struct gpu_backend *backend, uint32_t serial);
    /* The same as a sync_file, the caller's; -1 where the renderer makes none: use fence. */
    int (*sync_file)(struct gpu_backend *backend);
};

/* What a back-end that renders tells the device. */
struct gpu_backend_events {
    /* The fence with this serial has signalled, and with it all before it. */
    void (*fenced)(struct gpu_backend_events *events, uint32_t serial);
};

struct gpu_backend_ops {
    const char *name;
    const struct gpu_render_ops *render; /* NULL: 2D only */
    /* Makes the host's side of a resource whose layout's format and size are set and valid; sets the
     * layout's stride, and resource->host. 0, or -ENOMEM. */
    int (*create)(struct gpu_backend *backend, struct gpu_resource *resource);
    void (*destroy)(struct gpu_backend *backend, struct gpu_resource *resource);
    /* Copies a rectangle, which lies within the resource, from its backing, in which it starts at
     * offset. Adds to resource->copied. 0, or -EINVAL where the backing is too short. */
    int (*transfer)(struct gpu_backend *backend, const struct guest_mem *mem,
                    struct gpu_resource *resource, const struct frame_rect *rect, uint64_t offset);
    /* The next two are not called for textures: the painter shows and reads them. */
    /* What shows the whole resource: a dmabuf where one is wanted and can be had, else shared memory.
     * The back-end's reference; NULL where there is none. *why: set where a dmabuf was wanted and
     * could not be had. */
    struct gpu_buffer *(*buffer)(struct gpu_backend *backend, struct gpu_resource *resource,
                                 bool want_dmabuf, const char **why);
    /* Reads the top left width × height pixels, as ARGB8888. They lie within the resource. */
    void (*read)(struct gpu_backend *backend, const struct gpu_resource *resource, uint32_t width,
                 uint32_t height, uint32_t *pixels);
    /* All its resources and contexts are destroyed. */
    void (*finish)(struct gpu_backend *backend);
};

struct gpu_backend {
    const struct gpu_backend_ops *ops;
    struct gpu_painter *painter; /* for its textures; NULL: it has none */
};

/* What a back-end is made with; all of it outlives the back-end. */
struct gpu_backend_site {
    struct loop *loop;
    struct gpu_buffer_owner *owner; /* of its buffers */
    struct gpu_backend_events *events;
    /* The most bytes that resources and copies of pictures may take together, as far as one can know; 0:
     * half of what the host has. The back-end sets it in owner. More fails with -ENOMEM. */
    uint64_t memory_max;
};

/* Who can make one that renders. Embedded by who implements it. */
struct gpu_backend_maker {
    /* NULL where it can't be had, which is said in one line. */
    struct gpu_backend *(*make)(struct gpu_backend_maker *maker,
                                const struct gpu_backend_site *site);
};

/* Host resources in shared memory, written by the CPU. Their buffers belong to owner, whose memory is
 * limited to memory_max bytes. udmabuf: the device's fd, which stays the caller's, or -1. NULL where memory is
 * short. */
struct gpu_backend *backend_2d_create(struct gpu_buffer_owner *owner, int udmabuf,
                                      uint64_t memory_max);

#endif
