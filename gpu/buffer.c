// SPDX-License-Identifier: MIT
#include "gpu/buffer.h"

#include <drm_fourcc.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "gpu/format.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

static void buffer_released(struct frame_buffer *base)
{
    struct gpu_buffer *buffer = container_of(base, struct gpu_buffer, base);
    buffer->owner->released(buffer->owner, buffer);
}

static void buffer_destroy(struct frame_buffer *base)
{
    struct gpu_buffer *buffer = container_of(base, struct gpu_buffer, base);
    if (buffer->map)
        munmap(buffer->map, buffer->map_len);
    free(buffer);
}

static const struct frame_buffer_ops buffer_ops = {
    .released = buffer_released,
    .destroy = buffer_destroy,
};

struct gpu_buffer *gpu_buffer_create_fd(struct gpu_buffer_owner *owner, enum frame_buffer_kind kind,
                                        enum frame_path path, uint32_t width, uint32_t height,
                                        uint32_t fourcc, uint64_t modifier,
                                        const struct frame_plane *plane)
{
    struct gpu_buffer *buffer = calloc(1, sizeof(*buffer));
    if (!buffer) {
        close(plane->fd);
        return NULL;
    }
    frame_buffer_init(&buffer->base, &buffer_ops);
    buffer->owner = owner;
    buffer->base.kind = kind;
    buffer->base.path = path;
    buffer->base.width = width;
    buffer->base.height = height;
    buffer->base.fourcc = fourcc;
    buffer->base.modifier = modifier;
    buffer->base.n_planes = 1;
    buffer->base.plane[0] = *plane;
    buffer->base.id = ++owner->last_id;
    return buffer;
}

struct gpu_buffer *gpu_buffer_create_shm(struct gpu_buffer_owner *owner, uint32_t width,
                                         uint32_t height, uint32_t fourcc)
{
    uint32_t stride = width * FORMAT_BYTES;
    size_t len = ALIGN_UP((size_t)stride * height, (size_t)4096);
    autoclose int fd = fd_memfd_sealed("vitrine-frame", len);
    if (fd < 0)
        return NULL;
    void *map = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (map == MAP_FAILED)
        return NULL;

    struct frame_plane plane = { .fd = steal_fd(&fd), .stride = stride };
    struct gpu_buffer *buffer = gpu_buffer_create_fd(owner, FRAME_BUFFER_SHM, FRAME_PATH_SHM, width,
                                                     height, fourcc, DRM_FORMAT_MOD_LINEAR, &plane);
    if (!buffer) {
        munmap(map, len);
        return NULL;
    }
    buffer->map = map;
    buffer->map_len = len;
    damage_set_full(&buffer->stale, width, height);
    return buffer;
}
