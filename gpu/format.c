// SPDX-License-Identifier: MIT
#include "gpu/format.h"

#include <drm_fourcc.h>
#include <linux/virtio_gpu.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "pixels and virtio are little endian here");

/* virtio names the bytes in the order of memory, DRM a little-endian word from its highest bits. */
uint32_t format_fourcc(uint32_t virtio_format)
{
    switch (virtio_format) {
    case VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM:
    case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
        return DRM_FORMAT_XRGB8888;
    case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
    case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
        return DRM_FORMAT_BGRX8888;
    case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
    case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
        return DRM_FORMAT_XBGR8888;
    case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
    case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
        return DRM_FORMAT_RGBX8888;
    default:
        return 0;
    }
}

uint32_t format_opaque(uint32_t fourcc)
{
    switch (fourcc) {
    case DRM_FORMAT_ARGB8888:
    case DRM_FORMAT_XRGB8888:
        return DRM_FORMAT_XRGB8888;
    case DRM_FORMAT_ABGR8888:
    case DRM_FORMAT_XBGR8888:
        return DRM_FORMAT_XBGR8888;
    case DRM_FORMAT_BGRA8888:
    case DRM_FORMAT_BGRX8888:
        return DRM_FORMAT_BGRX8888;
    case DRM_FORMAT_RGBA8888:
    case DRM_FORMAT_RGBX8888:
        return DRM_FORMAT_RGBX8888;
    default:
        return 0;
    }
}

static uint32_t to_argb(uint32_t virtio_format, uint32_t p)
{
    switch (virtio_format) {
    case VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM:
        return p | 0xff000000;
    case VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM:
        return __builtin_bswap32(p);
    case VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM:
        return __builtin_bswap32(p) | 0xff000000;
    case VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM:
        return (p & 0xff00ff00) | (p & 0xff) << 16 | (p >> 16 & 0xff);
    case VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM:
        return (p & 0x0000ff00) | (p & 0xff) << 16 | (p >> 16 & 0xff) | 0xff000000;
    case VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM:
        return p >> 8 | p << 24;
    case VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM:
        return p >> 8 | 0xff000000;
    default:
        return p;
    }
}

void format_to_argb(uint32_t virtio_format, void *pixels, size_t n)
{
    char *bytes = pixels;

    if (virtio_format == VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM)
        return;
    for (size_t i = 0; i < n; i++) {
        uint32_t p;
        memcpy(&p, bytes + i * FORMAT_BYTES, sizeof(p));
        p = to_argb(virtio_format, p);
        memcpy(bytes + i * FORMAT_BYTES, &p, sizeof(p));
    }
}
