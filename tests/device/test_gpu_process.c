// SPDX-License-Identifier: MIT
/* The whole GPU process: what goes through it from the guest's driver to the display and back. */
#include <string.h>

#include "gpu/channel.h"
#include "gpu/journal.h"
#include "tests/device/process_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

static int set_up(void **state)
{
    *state = process_bed_create(
        &(struct virtio_gpu_options){ .mode[0] = { .width = 1000, .height = 700 } });
    return 0;
}

/* A blob of the driver's RAM on scanout 0. Its pixels. */
static uint32_t *show_blob(struct process_bed *bed, uint32_t id)
{
    uint32_t *pixels = process_bed_make_blob(bed, id, 2);

    assert_int_equal(process_bed_show_blob(bed, id), OK);
    return pixels;
}

static struct virtio_gpu_resource_flush flush(uint32_t id, uint32_t flags)
{
    return (struct virtio_gpu_resource_flush){
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .flags = flags, .fence_id = 1 },
        .r = { .width = W, .height = H },
        .resource_id = id,
    };
}

static void the_guests_pixels_reach_the_display_and_done_comes_back(void **state)
{
    struct process_bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->channel);
    uint32_t *pixels = show_blob(bed, 1);

    for (uint32_t i = 1; i <= 50; i++) {
        struct virtio_gpu_resource_flush cmd = flush(1, 0);
        pixels[0] = i;
        assert_int_equal(process_bed_request(bed, &cmd, sizeof(cmd)), OK);
        process_bed_wait(bed, i);
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
    struct process_bed *bed = *state;
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
    process_bed_wait(bed, 1);
    p->events->done(p, 0, bed->seq);
    assert_true(driver_used(bed->driver, 0, DRIVER_TIMEOUT_MS, &head, &len));
    struct virtio_gpu_ctrl_hdr *response = driver_ptr(bed->driver, gpa + 2048);
    assert_int_equal(response->type, OK);
    assert_int_equal(response->fence_id, 1);
}

static void a_mode_reaches_the_guests_configuration(void **state)
{
    struct process_bed *bed = *state;
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
    struct process_bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = flush(1, VIRTIO_GPU_FLAG_FENCE);

    show_blob(bed, 1);
    channel_machine_disconnect(bed->channel);
    assert_int_equal(process_bed_request(bed, &cmd, sizeof(cmd)), OK);
    assert_int_equal(process_bed_request(bed, &cmd, sizeof(cmd)), OK);
}

static void a_front_end_that_hangs_up_ends_the_process(void **state)
{
    struct process_bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = flush(1, 0);

    show_blob(bed, 1);
    assert_int_equal(process_bed_request(bed, &cmd, sizeof(cmd)), OK);
    process_bed_wait(bed, 1);
    process_bed_end(bed);
    while (!bed->closed)
        loop_run_once(bed->loop, -1);
    assert_int_equal(bed->closed, 1);
    assert_int_equal(bed->n_disables, 1);
    assert_int_equal(channel_machine_stats(bed->channel)->buffers, 0);
}

static void a_guest_that_restarts_finds_a_fresh_device(void **state)
{
    struct process_bed *bed = *state;
    struct virtio_gpu_resource_flush cmd = flush(1, 0);

    for (unsigned i = 1; i <= 3; i++) {
        show_blob(bed, 1);
        assert_int_equal(process_bed_request(bed, &cmd, sizeof(cmd)), OK);
        process_bed_wait(bed, i);
        struct producer *p = channel_machine_producer(bed->channel);
        p->events->done(p, 0, bed->seq);
        driver_stop(bed->driver);
        journal_clear(bed->journal);
        driver_start(bed->driver, 2, 256); /* the size that our own front-end offers */
    }
    while (bed->n_disables < 3)
        loop_run_once(bed->loop, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, process_bed_tear_down)
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
