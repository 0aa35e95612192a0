// SPDX-License-Identifier: MIT
/* The whole GPU process: a guest's driver over vhost-user on one socket, a display behind the frame
 * channel on the other. */
#include <linux/virtio_gpu.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu/channel.h"
#include "gpu/process.h"
#include "tests/device/driver.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 64u
#define H 32u

struct bed {
    struct loop *loop;
    pid_t child;
    struct driver *driver;
    struct channel_machine *channel;
    unsigned closed;

    struct display display;
    unsigned n_presents, n_disables;
    uint32_t seq, pixel; /* the last frame's number and its first pixel */
};

static void on_present(struct display *display, unsigned scanout, const struct frame *frame)
{
    struct bed *bed = container_of(display, struct bed, display);
    bed->n_presents++;
    bed->seq = frame->seq;
    pread(frame->buffer->plane[0].fd, &bed->pixel, sizeof(bed->pixel), 0);
}

static void on_disable(struct display *display, unsigned scanout)
{
    container_of(display, struct bed, display)->n_disables++;
}

static void on_cursor(struct display *display, unsigned scanout, const struct frame_cursor *cursor)
{
}

static void on_cursor_move(struct display *display, unsigned scanout, int32_t x, int32_t y)
{
}

static const struct display_ops display_ops = { on_present, on_disable, on_cursor, on_cursor_move };

static void on_closed(void *data)
{
    ((struct bed *)data)->closed++;
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    int vhost[2], frames[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, vhost), 0);
    assert_int_equal(channel_pair(frames), 0);
    bed->child = fork();
    assert_true(bed->child >= 0);
    if (bed->child == 0) {
        struct gpu_process_options options = {
            .socket_fd = vhost[1],
            .frames_fd = frames[1],
            .journal_fd = -1,
            .gpu.mode[0] = { .width = 1000, .height = 700 },
        };
        close(vhost[0]);
        close(frames[0]);
        _exit(gpu_process_main(&options));
    }
    close(vhost[1]);
    close(frames[1]);
    bed->loop = loop_create();
    bed->display.ops = &display_ops;
    bed->channel = channel_machine_create(bed->loop, on_closed, bed);
    channel_machine_set_display(bed->channel, &bed->display);
    struct producer *p = channel_machine_producer(bed->channel);
    p->events->formats(p, NULL, 0);
    assert_int_equal(channel_machine_connect(bed->channel, frames[0]), 0);
    bed->driver = driver_connect(vhost[0]);
    driver_up(bed->driver, 1u << VIRTIO_GPU_F_EDID | 1u << VIRTIO_GPU_F_RESOURCE_BLOB, 2, 64);
    *state = bed;
    return 0;
}

/* The process has gone by itself, or goes now that the front-end hangs up, and with status 0. */
static void end(struct bed *bed)
{
    int status;

    driver_destroy(bed->driver);
    bed->driver = NULL;
    assert_int_equal(waitpid(bed->child, &status, 0), bed->child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    bed->child = 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;

    if (bed->driver)
        end(bed);
    channel_machine_set_display(bed->channel, NULL);
    channel_machine_destroy(bed->channel);
    loop_destroy(bed->loop);
    free(bed);
    return 0;
}

static uint32_t request(struct bed *bed, const void *cmd, size_t len)
{
    struct virtio_gpu_ctrl_hdr response = { 0 };
    driver_request(bed->driver, 0, cmd, (uint32_t)len, &response, sizeof(response));
    return response.type;
}

/* A blob of the driver's RAM on scanout 0. Its pixels. */
static uint32_t *show_blob(struct bed *bed, uint32_t id)
{
    uint64_t gpa = driver_alloc_high(bed->driver, W * H * 4, 4096);
    struct {
        struct virtio_gpu_resource_create_blob blob;
        struct virtio_gpu_mem_entry entry;
    } create = {
        .blob = { .hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_BLOB,
                  .resource_id = id,
                  .blob_mem = VIRTIO_GPU_BLOB_MEM_GUEST,
                  .nr_entries = 1,
                  .size = W * H * 4 },
        .entry = { .addr = gpa, .length = W * H * 4 },
    };
    struct virtio_gpu_set_scanout_blob show = {
        .hdr.type = VIRTIO_GPU_CMD_SET_SCANOUT_BLOB,
        .r = { .width = W, .height = H },
        .resource_id = id,
        .width = W,
        .height = H,
        .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM,
        .strides[0] = W * 4,
    };
    assert_int_equal(request(bed, &create, sizeof(create)), OK);
    assert_int_equal(request(bed, &show, sizeof(show)), OK);
    return driver_ptr(bed->driver, gpa);
}

static struct virtio_gpu_resource_flush flush(uint32_t id, uint32_t flags)
{
    return (struct virtio_gpu_resource_flush){
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .flags = flags, .fence_id = 1 },
        .r = { .width = W, .height = H },
        .resource_id = id,
    };
}

static void wait_for_frame(struct bed *bed, unsigned n)
{
    while (bed->n_presents < n)
        loop_run_once(bed->loop, -1);
}

static void the_guests_pixels_reach_the_display_and_done_comes_back(void **state)
{
    struct bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->channel);
    uint32_t *pixels = show_blob(bed, 1);

    for (uint32_t i = 1; i <= 50; i++) {
        struct virtio_gpu_resource_flush cmd = flush(1, 0);
        pixels[0] = i;
        assert_int_equal(request(bed, &cmd, sizeof(cmd)), OK);
        wait_for_frame(bed, i);
        assert_int_equal(bed->pixel, i);
        assert_int_equal(bed->seq, i);
        p->events->done(p, 0, i);
    }
    const struct channel_stats *stats = channel_machine_stats(bed->channel);
    assert_int_equal(stats->frames[FRAME_PATH_SHM], 50);
    assert_int_equal(stats->copied, 50 * W * H * 4);
}

static void a_fenced_flush_ends_with_its_frame(void **state)
{
    struct bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->channel);
    uint32_t *pixels = show_blob(bed, 1);
    uint64_t gpa = driver_alloc(bed->driver, 4096, 4096);
    struct virtio_gpu_resource_flush cmd = flush(1, VIRTIO_GPU_FLAG_FENCE);
    struct driver_buffer buf[2] = {
        { .gpa = gpa, .len = sizeof(cmd) },
        { .gpa = gpa + 2048, .len = 24, .writable = true },
    };
    uint16_t head;
    uint32_t len;

    pixels[0] = 0x42;
    memcpy(driver_ptr(bed->driver, gpa), &cmd, sizeof(cmd));
    assert_true(driver_add(bed->driver, 0, buf, 2, false) >= 0);
    driver_kick(bed->driver, 0);
    wait_for_frame(bed, 1);
    p->events->done(p, 0, bed->seq);
    assert_true(driver_used(bed->driver, 0, DRIVER_TIMEOUT_MS, &head, &len));
    struct virtio_gpu_ctrl_hdr *response = driver_ptr(bed->driver, gpa + 2048);
    assert_int_equal(response->type, OK);
    assert_int_equal(response->fence_id, 1);
}

static void a_mode_reaches_the_guests_configuration(void **state)
{
    struct bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->channel);
    struct virtio_gpu_ctrl_hdr cmd = { .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO };
    struct virtio_gpu_resp_display_info info;
    struct virtio_gpu_config config;

    driver_request(bed->driver, 0, &cmd, sizeof(cmd), &info, sizeof(info));
    assert_int_equal(info.pmodes[0].r.width, 1000);
    p->events->mode(p, 0, &(struct display_mode){ .width = 1500, .height = 900 });
    assert_true(driver_wait_config_change(bed->driver, DRIVER_TIMEOUT_MS));
    driver_get_config(bed->driver, 0, &config, sizeof(config));
    assert_int_equal(config.events_read, VIRTIO_GPU_EVENT_DISPLAY);
    assert_int_equal(config.num_scanouts, 1);
    driver_set_config(bed->driver, 4, &config.events_read, 4);
    driver_get_config(bed->driver, 0, &config, sizeof(config));
    assert_int_equal(config.events_read, 0);
    driver_request(bed->driver, 0, &cmd, sizeof(cmd), &info, sizeof(info));
    assert_int_equal(info.pmodes[0].r.width, 1500);
}

static void the_guest_works_on_without_a_display(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = flush(1, VIRTIO_GPU_FLAG_FENCE);

    show_blob(bed, 1);
    channel_machine_disconnect(bed->channel);
    assert_int_equal(request(bed, &cmd, sizeof(cmd)), OK);
    assert_int_equal(request(bed, &cmd, sizeof(cmd)), OK);
}

static void a_front_end_that_hangs_up_ends_the_process(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = flush(1, 0);

    show_blob(bed, 1);
    assert_int_equal(request(bed, &cmd, sizeof(cmd)), OK);
    wait_for_frame(bed, 1);
    end(bed);
    while (!bed->closed)
        loop_run_once(bed->loop, -1);
    assert_int_equal(bed->closed, 1);
    assert_int_equal(bed->n_disables, 1);
    assert_int_equal(channel_machine_stats(bed->channel)->buffers, 0);
}

static void a_guest_that_restarts_finds_a_fresh_device(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = flush(1, 0);

    for (unsigned i = 1; i <= 3; i++) {
        show_blob(bed, 1);
        assert_int_equal(request(bed, &cmd, sizeof(cmd)), OK);
        wait_for_frame(bed, i);
        struct producer *p = channel_machine_producer(bed->channel);
        p->events->done(p, 0, bed->seq);
        driver_stop(bed->driver);
        driver_start(bed->driver, 2, 64);
    }
    while (bed->n_disables < 3)
        loop_run_once(bed->loop, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(the_guests_pixels_reach_the_display_and_done_comes_back),
        TEST(a_fenced_flush_ends_with_its_frame),
        TEST(a_mode_reaches_the_guests_configuration),
        TEST(the_guest_works_on_without_a_display),
        TEST(a_front_end_that_hangs_up_ends_the_process),
        TEST(a_guest_that_restarts_finds_a_fresh_device),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
