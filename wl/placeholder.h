/* SPDX-License-Identifier: MIT */
/* What a window shows where there is no picture: black, or a line of text on it. */
#ifndef VITRINE_WL_PLACEHOLDER_H
#define VITRINE_WL_PLACEHOLDER_H

#include <stdint.h>

struct wl_buffer;
struct wl_shm;

#define WAYL_PLACEHOLDER_TEXT_MAX 128

/* The buffer that was made last, and the one before, which may be on screen until that is committed.
 * Zeroed: none. */
struct wayl_placeholder {
    struct wl_buffer *buffer, *old;
    uint32_t width, height;
    char text[WAYL_PLACEHOLDER_TEXT_MAX];
};

/* A buffer of that many pixels with that text, in UTF-8 (wl/banner.h), which may be empty. It stays the
 * placeholder's, until the next call but one. NULL where memory is short. */
struct wl_buffer *wayl_placeholder_get(struct wayl_placeholder *placeholder, struct wl_shm *shm,
                                       uint32_t width, uint32_t height, const char *text);
/* Before the connection is closed. */
void wayl_placeholder_finish(struct wayl_placeholder *placeholder);

#endif
