// SPDX-License-Identifier: MIT
#include "tests/device/process_bed.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu/channel.h"
#include "gpu/journal.h"
#include "gpu/process.h"
#include "tests/test.h"
#include "vmm/base/loop.h"

static void on_present(struct display *display, unsigned scanout, const struct frame *frame)
{
    struct process_bed *bed = container_of(display, struct process_bed, display);
    bed->n_presents++;
    bed->seq = frame->seq;
    pread(frame->buffer->plane[0].fd, &bed->pixel, sizeof(bed->pixel), 0);
}

static void on_disable(struct display *display, unsigned scanout)
{
    container_of(display, struct process_bed, display)->n_disables++;
}

static void on_cursor(struct display *display, unsigned scanout, const struct frame_cursor *cursor)
{
    struct process_bed *bed = container_of(display, struct process_bed, display);
    bed->n_cursors++;
    bed->cursor_shown = cursor->buffer;
    bed->hot_x = cursor->hot_x;
    if (cursor->buffer)
        pread(cursor->buffer->plane[0].fd, &bed->cursor_pixel, 4, 0);
}

static void on_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
}

static const struct display_ops display_ops = { on_present, on_disable, on_cursor, on_cursor_move };

static void on_closed(void *data)
{
    ((struct process_bed *)data)->closed++;
}

/* Starts a process. Its vhost-user socket, whose peer it has. */
static int start(struct process_bed *bed)
{
    int vhost[2], frames[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, vhost), 0);
    assert_int_equal(channel_pair(frames), 0);
    bed->child = fork();
    assert_true(bed->child >= 0);
    if (bed->child == 0) {
        struct gpu_process_options options = {
            .socket_fd = vhost[1],
            .frames_fd = frames[1],
            .journal_fd = dup(bed->journal),
            .gpu = bed->gpu,
        };
        close(vhost[0]);
        close(frames[0]);
        _exit(gpu_process_main(&options));
    }
    close(vhost[1]);
    close(frames[1]);
    assert_int_equal(channel_machine_connect(bed->channel, frames[0]), 0);
    return vhost[0];
}

struct process_bed *process_bed_create(const struct virtio_gpu_options *gpu)
{
    const uint64_t features = 1ull << VIRTIO_GPU_F_EDID | 1ull << VIRTIO_GPU_F_RESOURCE_BLOB |
                              1ull << VIRTIO_GPU_F_VIRGL | 1ull << VIRTIO_GPU_F_CONTEXT_INIT;
    struct process_bed *bed = calloc(1, sizeof(*bed));

    bed->loop = loop_create();
    bed->gpu = *gpu;
    bed->display.ops = &display_ops;
    bed->channel = channel_machine_create(bed->loop, on_closed, bed);
    channel_machine_set_display(bed->channel, &bed->display);
    struct producer *p = channel_machine_producer(bed->channel);
    p->events->formats(p, NULL, 0);
    bed->journal = journal_memfd();
    assert_true(bed->journal >= 0);
    bed->driver = driver_connect(start(bed));
    driver_up(bed->driver, features, 2, QUEUE_SIZE);
    return bed;
}

void process_bed_end(struct process_bed *bed)
{
    int status;

    driver_destroy(bed->driver);
    bed->driver = NULL;
    assert_int_equal(waitpid(bed->child, &status, 0), bed->child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

void process_bed_destroy(struct process_bed *bed)
{
    if (bed->driver)
        process_bed_end(bed);
    channel_machine_set_display(bed->channel, NULL);
    channel_machine_destroy(bed->channel);
    loop_destroy(bed->loop);
    close(bed->journal);
    free(bed);
}

int process_bed_set_up(void **state)
{
    *state = process_bed_create(&(struct virtio_gpu_options){ 0 });
    return 0;
}

int process_bed_tear_down(void **state)
{
    process_bed_destroy(*state);
    return 0;
}

void process_bed_kill(struct process_bed *bed)
{
    int status;

    assert_int_equal(kill(bed->child, SIGKILL), 0);
    assert_int_equal(waitpid(bed->child, &status, 0), bed->child);
    assert_true(WIFSIGNALED(status));
    channel_machine_keep_pictures(bed->channel); /* as the machine does, which has a successor */
    channel_machine_disconnect(bed->channel);
}

void process_bed_take_over(struct process_bed *bed)
{
    driver_reconnect(bed->driver, start(bed));
}

void process_bed_wait(struct process_bed *bed, unsigned n)
{
    while (bed->n_presents < n)
        loop_run_once(bed->loop, -1);
}

void process_bed_see(struct process_bed *bed, unsigned n)
{
    struct producer *p = channel_machine_producer(bed->channel);

    process_bed_wait(bed, n);
    p->events->done(p, 0, bed->seq);
}

uint32_t process_bed_request(struct process_bed *bed, const void *cmd, size_t len)
{
    struct virtio_gpu_ctrl_hdr response = { 0 };

    driver_request(bed->driver, 0, cmd, (uint32_t)len, &response, sizeof(response));
    return response.type;
}

uint32_t process_bed_simple(struct process_bed *bed, uint32_t type, uint32_t id)
{
    struct virtio_gpu_resource_unref cmd = { .hdr.type = type, .resource_id = id };
    return process_bed_request(bed, &cmd, sizeof(cmd));
}

uint32_t *process_bed_make_blob(struct process_bed *bed, uint32_t id, unsigned n_pages)
{
    size_t len = sizeof(struct virtio_gpu_resource_create_blob) +
                 n_pages * sizeof(struct virtio_gpu_mem_entry);
    struct virtio_gpu_resource_create_blob *cmd = calloc(1, len);
    struct virtio_gpu_mem_entry *entry = (struct virtio_gpu_mem_entry *)(void *)(cmd + 1);
    uint64_t gpa = driver_alloc_high(bed->driver, n_pages * 8192ull, 4096);

    *cmd = (struct virtio_gpu_resource_create_blob){
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
        .resource_id = id,
        .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
        .nr_entries = n_pages,
        .size = n_pages * 4096ull,
    };
    for (unsigned i = 0; i < n_pages; i++)
        entry[i] = (struct virtio_gpu_mem_entry){ .addr = gpa + i * 8192ull, .length = 4096 };
    assert_int_equal(process_bed_request(bed, cmd, len), OK);
    free(cmd);
    return driver_ptr(bed->driver, gpa);
}

uint32_t process_bed_show_blob(struct process_bed *bed, uint32_t id)
{
    struct virtio_gpu_set_scanout_blob show = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
        .r = { .width = W, .height = H },
        .resource_id = id,
        .width = W,
        .height = H,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .strides[0] = W * 4,
    };
    return process_bed_request(bed, &show, sizeof(show));
}

uint32_t process_bed_flush(struct process_bed *bed, uint32_t id)
{
    struct virtio_gpu_resource_flush cmd = {
        .hdr.type = VIRTIO_GPU_CMD_RESOURCE_FLUSH,
        .r = { .width = W, .height = H },
        .resource_id = id,
    };
    return process_bed_request(bed, &cmd, sizeof(cmd));
}
