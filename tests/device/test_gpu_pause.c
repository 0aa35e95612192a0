// SPDX-License-Identifier: MIT
/* A machine that stops the GPU's queues: what the guest had is there when it goes on, and gone when it was
 * a reset instead. */
#include <string.h>

#include "gpu/channel.h"
#include "gpu/gl/virgl.h"
#include "gpu/journal.h"
#include "tests/device/process_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define UNKNOWN VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID

static int set_up_virgl(void **state)
{
    static struct virgl_maker maker;

    virgl_maker_init(&maker, "surfaceless", true);
    *state = process_bed_create(&(struct virtio_gpu_options){ .maker = &maker.base });
    return 0;
}

/* Shows a blob. Its first pixel. */
static uint32_t *show(struct process_bed *bed, uint32_t id)
{
    uint32_t *pixels = process_bed_make_blob(bed, id, 2);
    unsigned n = bed->n_presents;

    assert_int_equal(process_bed_show_blob(bed, id), OK);
    assert_int_equal(process_bed_flush(bed, id), OK);
    process_bed_see(bed, n + 1);
    return pixels;
}

static void see_dark(struct process_bed *bed)
{
    while (bed->n_disables < 1)
        loop_run_once(bed->loop, -1);
}

/* A pause that a reset follows, which the machine knows of. */
static void pause_for_good(struct process_bed *bed)
{
    driver_pause(bed->driver);
    journal_clear(bed->journal);
}

/* Adds a command to the queue; nobody waits for it. */
static void begin(struct process_bed *bed, const void *cmd, uint32_t len)
{
    const struct driver_buffer buffers[] = {
        { .gpa = driver_alloc(bed->driver, len, 8), .len = len },
        { .gpa = driver_alloc(bed->driver, 24, 8), .len = 24, .writable = true },
    };

    memcpy(driver_ptr(bed->driver, buffers[0].gpa), cmd, len);
    assert_true(driver_add(bed->driver, 0, buffers, 2, false) >= 0);
}

static void begin_flush(struct process_bed *bed, uint32_t id)
{
    const struct virtio_gpu_resource_flush cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_RESOURCE_FLUSH, .flags = VIRTIO_GPU_FLAG_FENCE },
        .r = { .width = W, .height = H },
        .resource_id = id,
    };
    begin(bed, &cmd, sizeof(cmd));
}

static bool answered(struct process_bed *bed, int timeout_ms)
{
    uint16_t head;
    uint32_t len;
    return driver_used(bed->driver, 0, timeout_ms, &head, &len);
}

static void a_pause_takes_nothing_from_the_guest(void **state)
{
    struct process_bed *bed = *state;
    uint32_t *pixels = show(bed, 1);

    for (uint32_t i = 2; i < 5; i++) {
        driver_pause(bed->driver);
        pixels[0] = i;
        driver_continue(bed->driver);
        assert_int_equal(process_bed_flush(bed, 1), OK);
        process_bed_see(bed, i);
        assert_int_equal(bed->pixel, i);
    }
    assert_int_equal(bed->n_disables, 0);
}

static void what_waits_is_answered_before_the_pause(void **state)
{
    struct process_bed *bed = *state;

    show(bed, 1);
    begin_flush(bed, 1);
    driver_kick(bed->driver, 0);
    process_bed_wait(bed, 2); /* it is shown, and the display says no done */
    driver_pause(bed->driver);
    assert_true(answered(bed, 0));
    assert_int_equal(driver_queue(bed->driver, 0)->base, driver_queue(bed->driver, 0)->avail_idx);
    driver_continue(bed->driver);
    process_bed_see(bed, 2);
    assert_int_equal(process_bed_flush(bed, 1), OK);
    process_bed_see(bed, 3);
}

static void what_comes_in_the_pause_is_done_after_it(void **state)
{
    struct process_bed *bed = *state;

    show(bed, 1);
    driver_pause(bed->driver);
    begin_flush(bed, 1);
    driver_kick_always(bed->driver, 0);
    assert_false(answered(bed, 50));
    driver_continue(bed->driver);
    assert_true(answered(bed, DRIVER_TIMEOUT_MS));
    process_bed_see(bed, 2);
}

static void a_window_that_is_resized_in_the_pause_is_told_of(void **state)
{
    struct process_bed *bed = *state;
    struct producer *p = channel_machine_producer(bed->channel);
    struct virtio_gpu_config config;

    show(bed, 1);
    driver_pause(bed->driver);
    p->events->mode(p, 0, &(struct display_mode){ .width = 1111, .height = 777 });
    assert_true(driver_wait_config_change(bed->driver, DRIVER_TIMEOUT_MS));
    driver_continue(bed->driver);
    driver_get_config(bed->driver, 0, &config, sizeof(config));
    assert_int_equal(config.events_read, VIRTIO_GPU_EVENT_DISPLAY);
}

static void another_driver_finds_nothing(void **state)
{
    struct process_bed *bed = *state;

    show(bed, 1);
    pause_for_good(bed);
    driver_start(bed->driver, 2, QUEUE_SIZE);
    see_dark(bed);
    assert_int_equal(process_bed_flush(bed, 1), UNKNOWN);
}

/* A kernel that boots again may well put its queues where they were. */
static void a_driver_that_begins_anew_in_the_same_queues_finds_nothing(void **state)
{
    struct process_bed *bed = *state;

    show(bed, 1);
    pause_for_good(bed);
    for (unsigned i = 0; i < 2; i++) {
        struct driver_queue *q = driver_queue(bed->driver, i);
        q->avail->idx = q->used->idx = 0;
        q->avail_idx = q->kicked_idx = q->last_used = q->base = 0;
    }
    driver_continue(bed->driver);
    see_dark(bed);
    assert_int_equal(process_bed_flush(bed, 1), UNKNOWN);
}

static void a_reset_in_the_pause_ends_it(void **state)
{
    struct process_bed *bed = *state;

    show(bed, 1);
    pause_for_good(bed);
    driver_stop(bed->driver);
    see_dark(bed);
    driver_start(bed->driver, 2, QUEUE_SIZE);
    assert_int_equal(process_bed_flush(bed, 1), UNKNOWN);
}

static void other_memory_ends_the_pause(void **state)
{
    struct process_bed *bed = *state;

    show(bed, 1);
    pause_for_good(bed);
    driver_share_memory(bed->driver, 3);
    see_dark(bed);
    driver_continue(bed->driver);
    assert_int_equal(process_bed_flush(bed, 1), UNKNOWN);
}

static void a_process_that_has_paused_has_successors(void **state)
{
    struct process_bed *bed = *state;
    uint32_t *pixels = show(bed, 1);

    driver_pause(bed->driver);
    driver_continue(bed->driver);
    process_bed_make_blob(bed, 2, 2);
    process_bed_kill(bed);
    pixels[0] = 42;
    process_bed_take_over(bed);
    process_bed_see(bed, 2);
    assert_int_equal(bed->pixel, 42);
    assert_int_equal(process_bed_flush(bed, 2), OK);
}

static void contexts_outlive_a_pause(void **state)
{
    struct process_bed *bed = *state;
    struct virtio_gpu_ctx_create create = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE,
                                                     .ctx_id = 1 } };
    struct {
        struct virtio_gpu_cmd_submit submit;
        uint32_t nop;
    } cmd = { .submit = { .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
                                   .flags = VIRTIO_GPU_FLAG_FENCE,
                                   .ctx_id = 1 },
                          .size = 4 } };
    const uint32_t len = sizeof(cmd.submit) + sizeof(cmd.nop);

    if (!(driver_features(bed->driver) & 1u << VIRTIO_GPU_F_VIRGL)) {
        print_message("no OpenGL here\n");
        return;
    }
    assert_int_equal(process_bed_request(bed, &create, sizeof(create)), OK);
    for (unsigned i = 0; i < 3; i++) {
        begin(bed, &cmd, len);
        driver_kick(bed->driver, 0);
        driver_pause(bed->driver); /* before it is drawn, or after */
        driver_continue(bed->driver);
        assert_true(answered(bed, DRIVER_TIMEOUT_MS));
    }
    assert_int_equal(process_bed_request(bed, &cmd, len), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, process_bed_set_up, process_bed_tear_down)
        TEST(a_pause_takes_nothing_from_the_guest),
        TEST(what_waits_is_answered_before_the_pause),
        TEST(what_comes_in_the_pause_is_done_after_it),
        TEST(a_window_that_is_resized_in_the_pause_is_told_of),
        TEST(another_driver_finds_nothing),
        TEST(a_driver_that_begins_anew_in_the_same_queues_finds_nothing),
        TEST(a_reset_in_the_pause_ends_it),
        TEST(other_memory_ends_the_pause),
        TEST(a_process_that_has_paused_has_successors),
        cmocka_unit_test_setup_teardown(contexts_outlive_a_pause, set_up_virgl,
                                        process_bed_tear_down),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
