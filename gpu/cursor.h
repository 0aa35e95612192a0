/* SPDX-License-Identifier: MIT */
/*
 * A scanout's cursor image: copied out of the guest's resource when it is updated, and again into a
 * buffer that the display does not hold. Where all are held, the latest image waits for one.
 */
#ifndef VITRINE_GPU_CURSOR_H
#define VITRINE_GPU_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

struct display;
struct gpu_buffer;
struct gpu_buffer_owner;

#define CURSOR_SIZE 64 /* pixels each way (virtio 1.2, 5.7.6.6) */
#define CURSOR_BUFFERS 3

struct cursor {
    bool visible;
    bool dirty; /* the display has not got it yet */
    uint32_t hot_x, hot_y;
    struct gpu_buffer *buffer[CURSOR_BUFFERS];
    uint32_t pixels[CURSOR_SIZE * CURSOR_SIZE]; /* ARGB8888, premultiplied */
};

/* Hands the image to the display if that has not got it. */
void cursor_show(struct cursor *cursor, struct gpu_buffer_owner *owner, struct display *display,
                 unsigned scanout);
/* Lets go of the buffers; hidden from now on, which the display is not told. */
void cursor_finish(struct cursor *cursor);

#endif
