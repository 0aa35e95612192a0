// SPDX-License-Identifier: MIT
/*
 * Against the real weston, headless with its pixman renderer, so that what we believe of a compositor
 * is what one does.
 */
#include <drm_fourcc.h>
#include <signal.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "tests/wl/weston.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void init_pair(struct test_buffer pair[2])
{
    for (unsigned i = 0; i < 2; i++)
        test_buffer_init(&pair[i], FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
}

static void a_double_buffered_guest_is_shown_at_the_outputs_rate(void **state)
{
    struct fixture f;
    struct test_buffer pair[2];
    assert_true(fixture_connect(&f, 1));
    init_pair(pair);
    const struct wayl_stats *stats = wayl_stats(f.wayl);
    int64_t begun = fixture_now_ms();
    for (unsigned i = 0; i < 30; i++) {
        struct test_buffer *next = &pair[i % 2];
        /* Its predecessor being done said that it may be drawn to, unless this machine is so busy that
         * weston took longer than 400 ms. */
        assert_true(next->base.locks == 0 || stats->unpaced > 0);
        uint32_t seq = fixture_present(&f, 0, next, NULL);
        fixture_until(&f, f.rec.n_done == i + 1);
        assert_int_equal(f.rec.done[i], seq);
    }
    int64_t took = fixture_now_ms() - begun;
    assert_int_equal(stats->presented, 30);
    assert_int_equal(stats->path[FRAME_PATH_SHM], 30);
    assert_int_equal(stats->dropped, 0);
    assert_true(stats->callbacks > 0 && stats->callbacks + stats->unpaced >= 30);
    assert_true(took >= 29 * 16 / 2); /* paced: 60 Hz, within a factor of two */
    fixture_until(&f, stats->shown > 0);
    assert_true(f.rec.period_ns > 16000000 && f.rec.period_ns < 17000000);
    assert_true(pair[0].released > 0);
    fixture_close(&f);
    for (unsigned i = 0; i < 2; i++) {
        test_buffer_drop(&pair[i]);
        assert_true(pair[i].destroyed);
    }
}

static void two_windows_and_a_mode_set_are_accepted(void **state)
{
    struct fixture f;
    struct test_buffer pair[2], wide;
    assert_true(fixture_connect(&f, 2));
    init_pair(pair);
    test_buffer_init(&wide, FRAME_BUFFER_SHM, W * 2, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 0, &pair[0], NULL);
    fixture_present(&f, 1, &pair[1], NULL);
    fixture_until(&f, f.rec.n_done == 2);
    struct display *display = wayl_display(f.wayl);
    display->ops->disable(display, 0);
    fixture_present(&f, 0, &wide, NULL);
    fixture_until(&f, f.rec.n_done == 3);
    /* A part of a buffer, upside down. */
    struct frame frame = { .buffer = &wide.base,
                           .source = { W, 0, W, H },
                           .seq = 9,
                           .y_inverted = true,
                           .acquire_fence = -1 };
    display->ops->present(display, 0, &frame);
    fixture_until(&f, f.rec.n_done == 4);
    display->ops->disable(display, 1);
    fixture_until(&f, pair[1].base.locks == 0); /* black after its time */
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
    for (unsigned i = 0; i < 2; i++)
        test_buffer_drop(&pair[i]);
    test_buffer_drop(&wide);
}

static void a_weston_that_is_killed_leaves_the_guest_running(void **state)
{
    struct fixture f;
    struct test_buffer pair[2];
    assert_true(fixture_connect(&f, 1));
    init_pair(pair);
    fixture_present(&f, 0, &pair[0], NULL);
    fixture_until(&f, f.rec.n_done == 1);
    weston_end(*state, SIGKILL);
    fixture_until(&f, f.rec.n_lost == 1);
    assert_int_equal(pair[0].base.locks, 0);
    fixture_present(&f, 0, &pair[1], NULL);
    fixture_until(&f, f.rec.n_done == 2);
    fixture_close(&f);
    for (unsigned i = 0; i < 2; i++)
        test_buffer_drop(&pair[i]);
}

int main(void)
{
    if (!weston_is_here())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_double_buffered_guest_is_shown_at_the_outputs_rate,
                                        weston_start, weston_stop),
        cmocka_unit_test_setup_teardown(two_windows_and_a_mode_set_are_accepted, weston_start,
                                        weston_stop),
        cmocka_unit_test_setup_teardown(a_weston_that_is_killed_leaves_the_guest_running,
                                        weston_start, weston_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
