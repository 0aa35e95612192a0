// SPDX-License-Identifier: MIT
/* The pace of a guest whose flushes carry no fence: a renderer, displays and a clock that are played. */
#include <drm_fourcc.h>
#include <stdlib.h>

#include "gpu/device.h"
#include "tests/device/fake_renderer.h"
#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/loop.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 64u
#define H 32u
#define FAST_NS 50000000u
#define SLOW_NS 100000000u
#define CTX 1

struct test {
    struct bed *bed;
    struct fake_renderer fake;
    uint64_t fence;
};

static const struct display_format linear = { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR };
static const struct virtio_gpu_rect all = { .width = W, .height = H };

static uint64_t clock_time;

static uint64_t clock_ns(void)
{
    return clock_time;
}

static void pace(struct test *t, unsigned scanout, bool hidden, uint32_t period_ns)
{
    t->bed->producer->events->pace(t->bed->producer, scanout, hidden, period_ns);
}

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));
    struct virtio_gpu_ctx_create ctx = { .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE,
                                                  .ctx_id = CTX } };

    fake_renderer_init(&t->fake);
    t->fake.sync_files = true;
    t->bed = bed_create(&(struct virtio_gpu_options){ .n_scanouts = 2, .maker = &t->fake.maker });
    clock_time = 1000000000;
    t->bed->gpu->pace.now_ns = clock_ns;
    bed_start(t->bed);
    bed_formats(t->bed, &linear, 1);
    assert_int_equal(bed_command(t->bed, BED_CONTROL, &ctx, sizeof(ctx), NULL,
                                 sizeof(struct virtio_gpu_ctrl_hdr)),
                     OK);
    for (uint32_t id = 1; id <= 4; id++)
        bed_create_2d(t->bed, id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, W, H);
    for (unsigned i = 0; i < 2; i++)
        pace(t, i, false, SLOW_NS);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;

    bed_stop(t->bed);
    bed_destroy(t->bed);
    free(t);
    return 0;
}

/* Shows a texture as Linux does: no fence. */
static void flip(struct test *t, unsigned scanout, uint32_t id)
{
    assert_int_equal(bed_set_scanout(t->bed, scanout, id, all), OK);
    assert_int_equal(bed_flush(t->bed, id, all), OK);
}

static struct bed_pending submit(struct test *t)
{
    struct {
        struct virtio_gpu_cmd_submit cmd;
        uint32_t words[2];
    } cmd = {
        .cmd.hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
                     .flags = VIRTIO_GPU_FLAG_FENCE,
                     .ctx_id = CTX,
                     .fence_id = ++t->fence },
        .cmd.size = sizeof(cmd.words),
    };
    return bed_submit(t->bed, BED_CONTROL, &cmd, sizeof(cmd), sizeof(struct virtio_gpu_ctrl_hdr));
}

/* A submit that the renderer is done with at once. */
static struct bed_pending draw(struct test *t)
{
    struct bed_pending pending = submit(t);
    fake_signal(&t->fake);
    return pending;
}

static bool answered(struct test *t, const struct bed_pending *pending)
{
    return bed_answered(t->bed, pending, NULL);
}

static void done(struct test *t, unsigned scanout)
{
    uint32_t seq = 0;
    for (unsigned i = 0; i < t->bed->n_frames; i++)
        if (t->bed->frame[i].scanout == scanout)
            seq = t->bed->frame[i].frame.seq;
    bed_done(t->bed, scanout, seq);
}

static void one_window_paces_the_guest_frame_by_frame(void **state)
{
    struct test *t = *state;

    for (unsigned i = 0; i < 50; i++) {
        struct bed_pending next = draw(t);
        if (i > 0) { /* it follows the last flip, which is not shown */
            assert_false(answered(t, &next));
            done(t, 0);
        }
        assert_true(answered(t, &next));
        flip(t, 0, 1 + i % 2);
        assert_int_equal(t->bed->n_frames, i + 1);
    }
    uint32_t withheld = 0, draws = 0;
    for (unsigned i = 0; i < t->bed->n_frames; i++) {
        withheld += t->bed->frame[i].frame.withheld;
        draws += t->bed->frame[i].frame.draws;
    }
    assert_int_equal(withheld, 49);
    assert_int_equal(draws, 0); /* with two buffers, never into the one that is shown */
}

static void a_flush_ahead_of_its_frame_waits_for_the_frame_that_shows_it(void **state)
{
    struct test *t = *state;

    flip(t, 0, 1);
    flip(t, 0, 2); /* gathered, until the first is done */
    struct bed_pending next = draw(t);
    done(t, 0);
    assert_int_equal(t->bed->n_frames, 2);
    assert_false(answered(t, &next));
    done(t, 0);
    assert_true(answered(t, &next));
}

static void a_display_that_never_answers_costs_one_period(void **state)
{
    struct test *t = *state;

    pace(t, 0, false, FAST_NS);
    flip(t, 0, 1);
    for (unsigned i = 0; i < 3; i++) {
        struct bed_pending next = draw(t);
        struct bed_pending other = draw(t);
        clock_time += FAST_NS - 1;
        struct bed_pending last = draw(t);
        assert_false(answered(t, &next));
        clock_time += 1;
        while (!answered(t, &next)) /* the timer's time is not ours */
            loop_run_once(t->bed->loop, -1);
        assert_true(answered(t, &other));
        assert_true(answered(t, &last));
        flip(t, 0, 2 - i % 2);
    }
    assert_int_equal(t->bed->n_frames, 1);
}

static void a_guest_one_frame_ahead_flips_once_in_a_period(void **state)
{
    struct test *t = *state;

    pace(t, 0, false, FAST_NS);
    flip(t, 0, 1);
    struct bed_pending first = draw(t);
    flip(t, 0, 2); /* before what it drew is told to be there */
    struct bed_pending second = draw(t);
    clock_time += FAST_NS;
    while (!answered(t, &first))
        loop_run_once(t->bed->loop, -1);
    assert_false(answered(t, &second));
    done(t, 0);
    assert_false(answered(t, &second)); /* that was the first flip's */
    done(t, 0);
    assert_true(answered(t, &second));
}

static void what_is_rendered_behind_the_frame_is_not_withheld(void **state)
{
    struct test *t = *state;

    flip(t, 0, 1);
    struct bed_pending next = submit(t);
    done(t, 0);
    flip(t, 0, 2); /* came later: nothing to do with it */
    assert_false(answered(t, &next));
    fake_signal(&t->fake);
    assert_true(answered(t, &next));
    done(t, 0);
    next = draw(t); /* nothing is flushed since */
    assert_true(answered(t, &next));
}

static void a_hidden_window_withholds_nothing(void **state)
{
    struct test *t = *state;

    flip(t, 0, 1);
    struct bed_pending next = draw(t);
    assert_false(answered(t, &next));
    pace(t, 0, true, SLOW_NS);
    assert_true(answered(t, &next));
    for (unsigned i = 0; i < 5; i++) {
        flip(t, 0, 1 + i % 2);
        next = draw(t);
        assert_true(answered(t, &next));
    }
    pace(t, 0, false, SLOW_NS);
    done(t, 0);
    flip(t, 0, 1);
    next = draw(t);
    assert_false(answered(t, &next));
}

static void a_hidden_window_beside_a_visible_one_is_not_there(void **state)
{
    struct test *t = *state;

    pace(t, 1, true, FAST_NS);
    flip(t, 1, 3);
    struct bed_pending next = draw(t);
    assert_true(answered(t, &next));
    flip(t, 0, 1);
    flip(t, 1, 4);
    next = draw(t);
    done(t, 1);
    assert_false(answered(t, &next));
    done(t, 0);
    assert_true(answered(t, &next));
}

static void of_two_windows_the_faster_sets_the_pace(void **state)
{
    struct test *t = *state;

    pace(t, 0, false, SLOW_NS);
    pace(t, 1, false, FAST_NS);
    flip(t, 0, 1);
    for (unsigned i = 0; i < 5; i++) { /* the slow one's frame is never done */
        flip(t, 1, 3 + i % 2);
        struct bed_pending next = draw(t);
        assert_false(answered(t, &next));
        done(t, 1);
        assert_true(answered(t, &next));
        next = draw(t); /* the fast one's next, begun late: it does not wait for the slow one */
        assert_true(answered(t, &next));
    }
    done(t, 0);
    flip(t, 0, 2);
    flip(t, 1, 3);
    struct bed_pending next = draw(t);
    done(t, 0); /* this one's frame comes first, and says nothing of the pace */
    assert_false(answered(t, &next));
    done(t, 1);
    assert_true(answered(t, &next));
}

static void a_fast_window_that_wakes_up_ends_the_wait_for_a_slow_one(void **state)
{
    struct test *t = *state;

    pace(t, 1, false, FAST_NS);
    flip(t, 0, 1);
    struct bed_pending next = draw(t); /* the fast one is still: the slow one sets the pace */
    assert_false(answered(t, &next));
    flip(t, 1, 3);
    assert_true(answered(t, &next));
    next = draw(t);
    assert_false(answered(t, &next));
    done(t, 1);
    assert_true(answered(t, &next));
}

static void what_goes_off_or_unwatched_withholds_nothing(void **state)
{
    struct test *t = *state;

    flip(t, 0, 1);
    struct bed_pending next = draw(t);
    assert_false(answered(t, &next));
    assert_int_equal(bed_set_scanout(t->bed, 0, 0, all), OK);
    assert_true(answered(t, &next));

    flip(t, 0, 1);
    next = draw(t);
    assert_false(answered(t, &next));
    t->bed->producer->events->unwatched(t->bed->producer);
    assert_true(answered(t, &next));
    flip(t, 0, 2);
    next = draw(t);
    assert_true(answered(t, &next));
}

static void draws_in_place_are_counted(void **state)
{
    struct test *t = *state;

    flip(t, 0, 1);
    draw(t);
    draw(t);
    done(t, 0);
    assert_int_equal(bed_flush(t->bed, 1, all), OK); /* the same texture: they went into it */
    assert_int_equal(bed_last(t->bed)->draws, 2);
    done(t, 0);
    draw(t); /* behind done: it may go to the screen at once, and nothing is torn */
    flip(t, 0, 2);
    assert_int_equal(bed_last(t->bed)->draws, 0);
    done(t, 0);

    struct virtio_gpu_mem_entry page = { .addr = 0x80000, .length = 4096 * 2 };
    assert_int_equal(bed_attach(t->bed, 1, &page, 1), OK);
    assert_int_equal(bed_attach(t->bed, 2, &page, 1), OK);
    assert_int_equal(bed_transfer(t->bed, 1, all, 0), OK);
    assert_int_equal(bed_transfer(t->bed, 2, all, 0), OK);
    assert_int_equal(bed_flush(t->bed, 2, all), OK);
    assert_int_equal(bed_last(t->bed)->draws, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(one_window_paces_the_guest_frame_by_frame),
        TEST(a_flush_ahead_of_its_frame_waits_for_the_frame_that_shows_it),
        TEST(a_display_that_never_answers_costs_one_period),
        TEST(a_guest_one_frame_ahead_flips_once_in_a_period),
        TEST(what_is_rendered_behind_the_frame_is_not_withheld),
        TEST(a_hidden_window_withholds_nothing),
        TEST(a_hidden_window_beside_a_visible_one_is_not_there),
        TEST(of_two_windows_the_faster_sets_the_pace),
        TEST(a_fast_window_that_wakes_up_ends_the_wait_for_a_slow_one),
        TEST(what_goes_off_or_unwatched_withholds_nothing),
        TEST(draws_in_place_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
