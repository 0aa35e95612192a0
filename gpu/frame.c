// SPDX-License-Identifier: MIT
#include <stddef.h>

#define LOG_MODULE "frame"
#include "gpu/frame.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

void frame_buffer_init(struct frame_buffer *buffer, const struct frame_buffer_ops *ops)
{
    *buffer = (struct frame_buffer){ .ops = ops, .refs = 1 };
    for (unsigned i = 0; i < FRAME_MAX_PLANES; i++)
        buffer->plane[i].fd = -1;
}

void frame_buffer_ref(struct frame_buffer *buffer)
{
    BUG_ON(buffer->refs == 0);
    buffer->refs++;
}

void frame_buffer_unref(struct frame_buffer *buffer)
{
    if (!buffer)
        return;
    BUG_ON(buffer->refs == 0);
    if (--buffer->refs > 0)
        return;
    BUG_ON(buffer->locks > 0);
    if (buffer->import)
        buffer->import->buffer_gone(buffer->import);
    for (unsigned i = 0; i < FRAME_MAX_PLANES; i++)
        fd_close_all(&buffer->plane[i].fd, 1);
    buffer->ops->destroy(buffer);
}

void frame_buffer_lock(struct frame_buffer *buffer)
{
    frame_buffer_ref(buffer);
    buffer->locks++;
}

void frame_buffer_unlock(struct frame_buffer *buffer)
{
    BUG_ON(buffer->locks == 0);
    if (--buffer->locks == 0)
        buffer->ops->released(buffer);
    frame_buffer_unref(buffer);
}
