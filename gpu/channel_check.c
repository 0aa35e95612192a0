// SPDX-License-Identifier: MIT
#include "gpu/channel_check.h"

#include <drm_fourcc.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gpu/channel_wire.h"
#include "gpu/damage.h"
#include "gpu/format.h"
#include "vmm/base/fd.h"

static bool size_ok(uint32_t size, uint32_t max)
{
    return size >= 1 && size <= max;
}

/* All formats with linear rows that we make have four bytes a pixel. */
static bool rows_within(const struct channel_buffer_new *msg, uint64_t file_size)
{
    uint64_t row = (uint64_t)msg->width * FORMAT_BYTES;
    uint64_t stride = msg->plane[0].stride;

    return stride >= row && stride % FORMAT_BYTES == 0 &&
           msg->plane[0].offset + stride * (msg->height - 1) + row <= file_size;
}

static bool shm_ok(const struct channel_buffer_new *msg, int fd)
{
    struct stat st;

    return msg->n_planes == 1 && msg->path == FRAME_PATH_SHM && fd_is_firm_memory(fd) &&
           fstat(fd, &st) == 0 && st.st_size > 0 &&
           st.st_size <= INT32_MAX && /* what a wl_shm pool can be */
           msg->plane[0].stride <= INT32_MAX &&
           (msg->fourcc == DRM_FORMAT_XRGB8888 || msg->fourcc == DRM_FORMAT_ARGB8888) &&
           rows_within(msg, (uint64_t)st.st_size);
}

/* A file that only says that it is one could shrink between the compositor's looks at it, and it would hang up
 * on us. */
static bool dmabuf_ok(const struct channel_buffer_new *msg, const int *fds)
{
    if (msg->path == FRAME_PATH_SHM)
        return false;
    for (unsigned i = 0; i < msg->n_planes; i++)
        if (!fd_is_dmabuf(fds[i]))
            return false;
    /* Tiled and compressed layouts are the compositor's to check. */
    if (msg->modifier != DRM_FORMAT_MOD_LINEAR || msg->n_planes != 1)
        return true;
    off_t size = lseek(fds[0], 0, SEEK_END);
    return size > 0 && rows_within(msg, (uint64_t)size);
}

bool channel_check_buffer(const struct channel_buffer_new *msg, const int *fds, unsigned n_fds)
{
    if (msg->n_planes < 1 || msg->n_planes > FRAME_MAX_PLANES || n_fds != msg->n_planes ||
        msg->path >= FRAME_PATH_COUNT || !size_ok(msg->width, CHANNEL_MAX_SIZE) ||
        !size_ok(msg->height, CHANNEL_MAX_SIZE))
        return false;
    switch (msg->kind) {
    case FRAME_BUFFER_SHM:
        return shm_ok(msg, fds[0]);
    case FRAME_BUFFER_DMABUF:
        return dmabuf_ok(msg, fds);
    default:
        return false;
    }
}

bool channel_check_present(const struct channel_present *msg, const struct frame_buffer *buffer)
{
    if (!rect_within(&msg->source, buffer->width, buffer->height) || msg->y_inverted > 1 ||
        msg->n_damage > FRAME_MAX_DAMAGE)
        return false;
    for (unsigned i = 0; i < msg->n_damage; i++)
        if (!rect_within(&msg->damage[i], msg->source.width, msg->source.height))
            return false;
    return true;
}

bool channel_check_cursor(const struct channel_cursor *msg, const struct frame_buffer *buffer)
{
    return buffer->kind == FRAME_BUFFER_SHM && buffer->fourcc == DRM_FORMAT_ARGB8888 &&
           size_ok(buffer->width, CHANNEL_MAX_CURSOR) &&
           size_ok(buffer->height, CHANNEL_MAX_CURSOR) && msg->hot_x < buffer->width &&
           msg->hot_y < buffer->height;
}

bool channel_check_text(const char *text, size_t size)
{
    size_t len = strnlen(text, size);

    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return false;
    return len < size;
}
