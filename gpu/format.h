/* SPDX-License-Identifier: MIT */
/* Pixel formats: virtio-gpu's eight (virtio 1.2, 5.7.6.8), all of four bytes, in DRM's words. */
#ifndef VITRINE_GPU_FORMAT_H
#define VITRINE_GPU_FORMAT_H

#include <stddef.h>
#include <stdint.h>

#define FORMAT_BYTES 4

/* The DRM_FORMAT_* without alpha that has the same layout in memory (a screen has nothing to blend
 * with), or 0 where the format is none of virtio's. */
uint32_t format_fourcc(uint32_t virtio_format);

/* The same for a DRM_FORMAT_* of four bytes, with alpha or without; 0 where it is none of those. */
uint32_t format_opaque(uint32_t fourcc);

/* Turns n pixels of a virtio format, where they are, into ARGB8888: what every display shows. A format
 * without alpha becomes opaque. */
void format_to_argb(uint32_t virtio_format, void *pixels, size_t n);

#endif
