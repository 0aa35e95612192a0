// SPDX-License-Identifier: MIT
#include "gpu/buffer.h"

#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>
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
    gpu_memory_give_back(buffer->owner, buffer->charge);
    if (buffer->destroy)
        buffer->destroy(buffer);
    else
        free(buffer);
}

static const struct frame_buffer_ops buffer_ops = {
    .released = buffer_released,
    .destroy = buffer_destroy,
};

void gpu_buffer_init(struct gpu_buffer *buffer, struct gpu_buffer_owner *owner,
                     const struct frame_buffer *what)
{
    *buffer = (struct gpu_buffer){ .owner = owner };
    frame_buffer_init(&buffer->base, &buffer_ops);
    buffer->base.kind = what->kind;
    buffer->base.path = what->path;
    buffer->base.width = what->width;
    buffer->base.height = what->height;
    buffer->base.fourcc = what->fourcc;
    buffer->base.modifier = what->modifier;
    buffer->base.n_planes = what->n_planes;
    memcpy(buffer->base.plane, what->plane, what->n_planes * sizeof(what->plane[0]));
    buffer->base.id = ++owner->last_id;
    damage_set_full(&buffer->stale, what->width, what->height);
}

struct gpu_buffer *gpu_buffer_create(struct gpu_buffer_owner *owner,
                                     const struct frame_buffer *what)
{
    struct gpu_buffer *buffer = malloc(sizeof(*buffer));
    if (!buffer) {
        for (unsigned i = 0; i < what->n_planes; i++)
            close(what->plane[i].fd);
        return NULL;
    }
    gpu_buffer_init(buffer, owner, what);
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

    struct frame_buffer what = {
        .kind = FRAME_BUFFER_SHM,
        .path = FRAME_PATH_SHM,
        .width = width,
        .height = height,
        .fourcc = fourcc,
        .modifier = DRM_FORMAT_MOD_LINEAR,
        .n_planes = 1,
        .plane[0] = { .fd = steal_fd(&fd), .stride = stride },
    };
    struct gpu_buffer *buffer = gpu_buffer_create(owner, &what);
    if (!buffer) {
        munmap(map, len);
        return NULL;
    }
    buffer->map = map;
    buffer->map_len = len;
    return buffer;
}
