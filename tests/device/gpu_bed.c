// SPDX-License-Identifier: MIT
#include "tests/device/gpu_bed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/virtio/virtq.h"

#define SLOTS_GPA 0x100000ull
#define SLOT_SIZE 0x20000ull /* a command and its response */
#define SLOTS 96

static struct bed *bed_of(struct display *display)
{
    return container_of(display, struct bed, display);
}

static void on_present(struct display *display, unsigned scanout, const struct frame *frame)
{
    struct bed *bed = bed_of(display);
    assert_true(bed->n_frames < BED_MAX_FRAMES);
    bed->frame[bed->n_frames++] = (struct bed_frame){ .scanout = scanout, .frame = *frame };
    frame_buffer_ref(frame->buffer);
    if (frame->acquire_fence >= 0)
        close(frame->acquire_fence); /* its number in the record says that there was one */
    if (bed->lock)
        frame_buffer_lock(frame->buffer);
}

static void on_disable(struct display *display, unsigned scanout)
{
    bed_of(display)->n_disables++;
}

static void on_cursor(struct display *display, unsigned scanout, const struct frame_cursor *cursor)
{
    struct bed *bed = bed_of(display);
    struct frame_buffer *old = bed->cursor.buffer;
    bed->n_cursors++;
    bed->cursor = *cursor;
    if (cursor->buffer)
        frame_buffer_lock(cursor->buffer);
    if (old)
        frame_buffer_unlock(old);
}

static void on_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
    struct bed *bed = bed_of(display);
    bed->n_moves++;
    bed->cursor_x = x;
    bed->cursor_y = y;
}

static const struct display_ops display_ops = {
    .present = on_present,
    .disable = on_disable,
    .cursor = on_cursor,
    .cursor_move = on_cursor_move,
};

static void on_config_changed(struct virtio_dev *dev)
{
    ((struct bed *)dev->transport_data)->config_changes++;
}

static void on_broken(struct virtio_dev *dev)
{
    ((struct bed *)dev->transport_data)->broken++;
}

static const struct virtio_transport_ops transport_ops = {
    .config_changed = on_config_changed,
    .broken = on_broken,
};

struct bed *bed_create(const struct virtio_gpu_options *options)
{
    struct bed *bed = calloc(1, sizeof(*bed));

    bed->loop = loop_create();
    assert_int_equal(guest_mem_create(&bed->mem, BED_RAM), 0);
    bed->gpu = virtio_gpu_create(bed->loop, options);
    assert_non_null(bed->gpu);
    bed->dev = virtio_gpu_dev(bed->gpu);
    bed->producer = virtio_gpu_producer(bed->gpu);
    bed->dev->transport = &transport_ops;
    bed->dev->transport_data = bed;
    bed->dev->mem = &bed->mem;
    bed->display.ops = &display_ops;
    bed->lock = true;
    return bed;
}

void bed_start(struct bed *bed)
{
    uint64_t gpa = 0x10000;

    bed->dev->features = bed->dev->offered;
    for (unsigned i = 0; i < 2; i++) {
        struct virtq *q = &bed->dev->queue[i];
        *q = (struct virtq){ .dev = bed->dev, .index = i, .max_size = bed->dev->queue_size[i] };
        q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        q->call_fd = -1;
        ring_init(&bed->ring[i], &bed->mem, gpa, bed->dev->queue_size[i], false, &gpa);
        ring_give(&bed->ring[i], q);
    }
    assert_int_equal(virtio_dev_start(bed->dev), 0);
    virtio_gpu_set_display(bed->gpu, &bed->display);
    bed_formats(bed, NULL, 0);
}

void bed_forget_frames(struct bed *bed)
{
    for (unsigned i = 0; i < bed->n_frames; i++) {
        struct frame_buffer *b = bed->frame[i].frame.buffer;
        while (b->locks > 0)
            frame_buffer_unlock(b);
        frame_buffer_unref(b);
    }
    bed->n_frames = 0;
}

void bed_stop(struct bed *bed)
{
    virtio_dev_stop(bed->dev);
    virtio_gpu_set_display(bed->gpu, NULL);
    bed_forget_frames(bed);
    if (bed->cursor.buffer)
        frame_buffer_unlock(bed->cursor.buffer);
    bed->cursor.buffer = NULL;
    for (unsigned i = 0; i < 2; i++)
        close(bed->dev->queue[i].kick_fd);
    memset(bed->answer, 0, sizeof(bed->answer));
    bed->broken = bed->n_disables = bed->n_cursors = bed->n_moves = 0;
}

void bed_destroy(struct bed *bed)
{
    virtio_gpu_destroy(bed->gpu);
    guest_mem_finish(&bed->mem);
    loop_destroy(bed->loop);
    free(bed);
}

int bed_set_up(void **state)
{
    struct virtio_gpu_options options = { .n_scanouts = 2, .host_memory_max = 16ull << 20 };
    struct bed *bed = bed_create(&options);

    bed_start(bed);
    *state = bed;
    return 0;
}

int bed_tear_down(void **state)
{
    bed_stop(*state);
    bed_destroy(*state);
    return 0;
}

struct bed_pending bed_submit(struct bed *bed, int queue, const void *cmd, size_t len, size_t room)
{
    uint64_t gpa = SLOTS_GPA + bed->next_slot++ % SLOTS * SLOT_SIZE;
    struct bed_pending pending = { .queue = queue, .response_gpa = gpa + SLOT_SIZE / 2 };
    struct ring_buf buf[2] = {
        { .gpa = gpa, .len = (uint32_t)len },
        { .gpa = pending.response_gpa, .len = (uint32_t)room, .writable = true },
    };

    assert_true(len <= SLOT_SIZE / 2 && room <= SLOT_SIZE / 2);
    memcpy(guest_mem_ptr(&bed->mem, gpa, len), cmd, len);
    memset(guest_mem_ptr(&bed->mem, pending.response_gpa, SLOT_SIZE / 2), 0xee, SLOT_SIZE / 2);
    pending.head = ring_add(&bed->ring[queue], buf, room ? 2 : 1);
    assert_true(pending.head >= 0);
    bed->dev->ops->kick(bed->dev, &bed->dev->queue[queue]);
    return pending;
}

bool bed_answered(struct bed *bed, const struct bed_pending *pending,
                  struct virtio_gpu_ctrl_hdr *response)
{
    struct bed_answer *answers = bed->answer[pending->queue];
    uint32_t written;
    int head;

    while ((head = ring_take(&bed->ring[pending->queue], &written)) >= 0)
        answers[head] = (struct bed_answer){ .there = true, .written = written };
    struct bed_answer *a = &answers[pending->head];
    if (!a->there)
        return false;
    a->there = false;
    if (a->written >= sizeof(*response) && response)
        memcpy(response, guest_mem_ptr(&bed->mem, pending->response_gpa, sizeof(*response)),
               sizeof(*response));
    return true;
}

uint32_t bed_command(struct bed *bed, int queue, const void *cmd, size_t len, void *response,
                     size_t room)
{
    struct virtio_gpu_ctrl_hdr hdr = { 0 };
    struct bed_pending pending = bed_submit(bed, queue, cmd, len, room);

    assert_true(bed_answered(bed, &pending, &hdr));
    if (response)
        memcpy(response, guest_mem_ptr(&bed->mem, pending.response_gpa, room), room);
    return hdr.type;
}

static uint32_t control(struct bed *bed, const void *cmd, size_t len)
{
    return bed_command(bed, BED_CONTROL, cmd, len, NULL, sizeof(struct virtio_gpu_ctrl_hdr));
}

uint32_t bed_create_2d(struct bed *bed, uint32_t id, uint32_t format, uint32_t w, uint32_t h)
{
    struct virtio_gpu_resource_create_2d cmd = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_2D,
        .resource_id = id,
        .format = format,
        .width = w,
        .height = h,
    };
    return control(bed, &cmd, sizeof(cmd));
}

static uint32_t with_entries(struct bed *bed, const void *cmd, size_t len,
                             const struct virtio_gpu_mem_entry *entries, unsigned n)
{
    size_t tail = n * sizeof(*entries);
    char *all = malloc(len + tail);
    memcpy(all, cmd, len);
    if (tail > 0)
        memcpy(all + len, entries, tail);
    uint32_t type = control(bed, all, len + tail);
    free(all);
    return type;
}

uint32_t bed_attach(struct bed *bed, uint32_t id, const struct virtio_gpu_mem_entry *entries,
                    unsigned n)
{
    struct virtio_gpu_resource_attach_backing cmd = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_ATTACH_BACKING,
        .resource_id = id,
        .nr_entries = n,
    };
    return with_entries(bed, &cmd, sizeof(cmd), entries, n);
}

uint32_t bed_transfer(struct bed *bed, uint32_t id, struct virtio_gpu_rect r, uint64_t offset)
{
    struct virtio_gpu_transfer_to_host_2d cmd = {
        .hdr.type = VIRTIO_GPU_CMD_TRANSFER_TO_HOST_2D,
        .r = r,
        .offset = offset,
        .resource_id = id,
    };
    return control(bed, &cmd, sizeof(cmd));
}

uint32_t bed_set_scanout(struct bed *bed, unsigned scanout, uint32_t id, struct virtio_gpu_rect r)
{
    struct virtio_gpu_set_scanout cmd = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT,
        .r = r,
        .scanout_id = scanout,
        .resource_id = id,
    };
    return control(bed, &cmd, sizeof(cmd));
}

uint32_t bed_flush(struct bed *bed, uint32_t id, struct virtio_gpu_rect r)
{
    struct virtio_gpu_resource_flush cmd = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
        .r = r,
        .resource_id = id,
    };
    return control(bed, &cmd, sizeof(cmd));
}

struct bed_pending bed_flush_fenced(struct bed *bed, uint32_t id, struct virtio_gpu_rect r,
                                    uint64_t fence)
{
    struct virtio_gpu_resource_flush cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
                 .flags = VIRTIO_GPU_FLAG_FENCE,
                 .fence_id = fence },
        .r = r,
        .resource_id = id,
    };
    return bed_submit(bed, BED_CONTROL, &cmd, sizeof(cmd), sizeof(struct virtio_gpu_ctrl_hdr));
}

uint32_t bed_create_blob(struct bed *bed, uint32_t id, uint64_t size,
                         const struct virtio_gpu_mem_entry *entries, unsigned n)
{
    struct virtio_gpu_resource_create_blob cmd = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
        .resource_id = id,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
        .blob_flags = VIRTIO_GPU_BLOB_FLAG_USE_SHAREABLE,
        .nr_entries = n,
        .size = size,
    };
    return with_entries(bed, &cmd, sizeof(cmd), entries, n);
}

uint32_t bed_set_scanout_blob(struct bed *bed, unsigned scanout, uint32_t id, uint32_t w,
                              uint32_t h)
{
    struct virtio_gpu_set_scanout_blob cmd = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
        .r = { .width = w, .height = h },
        .scanout_id = scanout,
        .resource_id = id,
        .width = w,
        .height = h,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .strides[0] = w * 4,
    };
    return control(bed, &cmd, sizeof(cmd));
}

uint32_t bed_simple(struct bed *bed, uint32_t type, uint32_t id)
{
    struct virtio_gpu_resource_unref cmd = { .hdr.type = type, .resource_id = id };
    return control(bed, &cmd, sizeof(cmd));
}

uint32_t bed_update_cursor(struct bed *bed, uint32_t id, uint32_t hot_x, uint32_t hot_y, uint32_t x,
                           uint32_t y)
{
    struct virtio_gpu_update_cursor cmd = {
        .hdr.type = VIRTIO_GPU_CMD_UPDATE_CURSOR,
        .pos = { .x = x, .y = y },
        .resource_id = id,
        .hot_x = hot_x,
        .hot_y = hot_y,
    };
    return bed_command(bed, BED_CURSOR, &cmd, sizeof(cmd), NULL,
                       sizeof(struct virtio_gpu_ctrl_hdr));
}

void bed_done(struct bed *bed, unsigned scanout, uint32_t seq)
{
    bed->producer->events->done(bed->producer, scanout, seq);
}

void bed_formats(struct bed *bed, const struct display_format *formats, unsigned n)
{
    bed->producer->events->formats(bed->producer, formats, n);
}

void bed_release(struct bed *bed, unsigned frame)
{
    frame_buffer_unlock(bed->frame[frame].frame.buffer);
}

struct frame *bed_last(struct bed *bed)
{
    assert_true(bed->n_frames > 0);
    return &bed->frame[bed->n_frames - 1].frame;
}

uint32_t bed_pixel(const struct frame *frame, uint32_t x, uint32_t y)
{
    const struct frame_plane *plane = &frame->buffer->plane[0];
    uint32_t pixel;
    off_t at = (off_t)plane->offset + (off_t)(frame->source.y + y) * plane->stride +
               (off_t)(frame->source.x + x) * 4;

    assert_int_equal(pread(plane->fd, &pixel, sizeof(pixel), at), sizeof(pixel));
    return pixel;
}

uint32_t *bed_ram(struct bed *bed, uint64_t gpa)
{
    return guest_mem_ptr(&bed->mem, gpa, 4);
}
