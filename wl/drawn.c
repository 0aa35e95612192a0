// SPDX-License-Identifier: MIT
#include "wl/drawn.h"

#include <sys/mman.h>
#include <wayland-client.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

struct wl_buffer *wayl_drawn_create(struct wl_shm *shm, uint32_t width, uint32_t height, bool alpha,
                                    wayl_draw *draw, const void *data)
{
    uint64_t size = (uint64_t)width * height * 4;
    if (size > INT32_MAX)
        return NULL;
    autoclose int fd = fd_memfd_sealed("vitrine-drawn", ALIGN_UP(size, 4096u));
    if (fd < 0)
        return NULL;
    if (draw) {
        void *pixels = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        if (pixels == MAP_FAILED)
            return NULL;
        draw(pixels, width, height, data);
        munmap(pixels, (size_t)size);
    }
    struct wl_shm_pool *pool = wl_shm_create_pool(shm, fd, (int32_t)size);
    if (!pool)
        return NULL;
    struct wl_buffer *buffer =
        wl_shm_pool_create_buffer(pool, 0, (int32_t)width, (int32_t)height, (int32_t)width * 4,
                                  alpha ? WL_SHM_FORMAT_ARGB8888 : WL_SHM_FORMAT_XRGB8888);
    wl_shm_pool_destroy(pool);
    return buffer;
}
