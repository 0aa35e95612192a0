/* SPDX-License-Identifier: MIT */
/* Whether what a GPU process sends over the frame channel keeps the rules. */
#ifndef VITRINE_GPU_CHANNEL_CHECK_H
#define VITRINE_GPU_CHANNEL_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct channel_buffer_new;
struct channel_cursor;
struct channel_present;
struct frame_buffer;

/* The sizes are sane, the planes lie within their files, and these stay as they are (fd_is_firm_memory(),
 * fd_is_dmabuf()): no reader of them can fault, and no compositor finds fault with us. */
bool channel_check_buffer(const struct channel_buffer_new *msg, const int *fds, unsigned n_fds);
/* The source lies within the buffer and the damage within the source. */
bool channel_check_present(const struct channel_present *msg, const struct frame_buffer *buffer);
/* The buffer is a cursor image, and the hot spot lies in it. */
bool channel_check_cursor(const struct channel_cursor *msg, const struct frame_buffer *buffer);
/* The text ends, and a terminal prints it. */
bool channel_check_text(const char *text, size_t size);

#endif
