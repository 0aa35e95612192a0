// SPDX-License-Identifier: MIT
#include "wl/placeholder.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wayland-client.h>

#include "wl/banner.h"
#include "wl/drawn.h"

/* Larger ones are for compositors without means, or of no screen that there is: black will do. */
#define TEXT_MAX_PIXELS (8192u * 4320u)

/* Touches no more of the memory than the letters lie in. */
static void draw_text(uint32_t *pixels, uint32_t width, uint32_t height, const void *data)
{
    wayl_banner_draw(pixels, width, height, data);
}

static struct wl_buffer *make_buffer(struct wl_shm *shm, uint32_t width, uint32_t height,
                                     const char *text)
{
    bool drawn = *text && (uint64_t)width * height <= TEXT_MAX_PIXELS;
    return wayl_drawn_create(shm, width, height, false, drawn ? draw_text : NULL, text);
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
