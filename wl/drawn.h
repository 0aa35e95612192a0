/* SPDX-License-Identifier: MIT */
/* Buffers in shared memory that we draw ourselves, once. */
#ifndef VITRINE_WL_DRAWN_H
#define VITRINE_WL_DRAWN_H

#include <stdbool.h>
#include <stdint.h>

struct wl_buffer;
struct wl_shm;

/* Draws on pixels that are all 0: width × height without gaps, XRGB8888, or premultiplied ARGB8888. */
typedef void wayl_draw(uint32_t *pixels, uint32_t width, uint32_t height, const void *data);

/* draw is called before this returns, and may be NULL: nothing is drawn. alpha: the buffer has it. The caller's to
 * destroy. NULL where memory is short, or that would be more than 2 GiB. */
struct wl_buffer *wayl_drawn_create(struct wl_shm *shm, uint32_t width, uint32_t height, bool alpha,
                                    wayl_draw *draw, const void *data);

#endif
