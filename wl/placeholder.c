// SPDX-License-Identifier: MIT
#include "wl/placeholder.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <wayland-client.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "wl/banner.h"

/* Larger ones are for compositors without means, or of no screen that there is: black will do. */
#define TEXT_MAX_PIXELS (8192u * 4320u)

/* Touches no more of the memory than the letters lie in. */
static void draw_text(int fd, uint32_t width, uint32_t height, const char *text)
{
    size_t size = (size_t)width * height * 4;
    void *pixels = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (pixels == MAP_FAILED)
        return;
    wayl_banner_draw(pixels, width, height, text);
    munmap(pixels, size);
}

static struct wl_buffer *make_buffer(struct wl_shm *shm, uint32_t width, uint32_t height,
                                     const char *text)
{
    uint64_t size = (uint64_t)width * height * 4;
    if (size > INT32_MAX)
        return NULL;
    autoclose int fd = fd_memfd_sealed("vitrine-placeholder", ALIGN_UP(size, 4096u));
    if (fd < 0)
        return NULL;
    if (*text && size / 4 <= TEXT_MAX_PIXELS)
        draw_text(fd, width, height, text);
    struct wl_shm_pool *pool = wl_shm_create_pool(shm, fd, (int32_t)size);
    if (!pool)
        return NULL;
    struct wl_buffer *buffer = wl_shm_pool_create_buffer(
        pool, 0, (int32_t)width, (int32_t)height, (int32_t)width * 4, WL_SHM_FORMAT_XRGB8888);
    wl_shm_pool_destroy(pool);
    return buffer;
}

struct wl_buffer *wayl_placeholder_get(struct wayl_placeholder *placeholder, struct wl_shm *shm,
                                       uint32_t width, uint32_t height, const char *text)
{
    char wanted[WAYL_PLACEHOLDER_TEXT_MAX];
    snprintf(wanted, sizeof(wanted), "%s", text);
    if (placeholder->buffer && width == placeholder->width && height == placeholder->height &&
        strcmp(wanted, placeholder->text) == 0)
        return placeholder->buffer;
    if (placeholder->old)
        wl_buffer_destroy(placeholder->old);
    placeholder->old = placeholder->buffer;
    placeholder->buffer = make_buffer(shm, width, height, wanted);
    placeholder->width = width;
    placeholder->height = height;
    strcpy(placeholder->text, wanted);
    return placeholder->buffer;
}

void wayl_placeholder_finish(struct wayl_placeholder *placeholder)
{
    if (placeholder->old)
        wl_buffer_destroy(placeholder->old);
    if (placeholder->buffer)
        wl_buffer_destroy(placeholder->buffer);
    *placeholder = (struct wayl_placeholder){ 0 };
}
