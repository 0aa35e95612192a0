// SPDX-License-Identifier: MIT
/* linux-drm-syncobj: acquire fences and releases by points, beside frames that have none. */
#include <drm_fourcc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fence_bed.h"
#include "vmm/base/util.h"

static const struct fence_bed_options with_timelines = { .timelines = true };

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void close_pair(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    fixture_settle(f);
    fixture_close_with(f, a, b);
    assert_int_equal(fences_live(), 0);
}

static void a_frame_goes_at_once_and_the_compositor_waits_for_its_fence(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_init(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_int_equal(wayl_stats(f.wayl)->presented, 1);
    assert_int_equal(wayl_stats(f.wayl)->fences[WAYL_FENCE_POINT], 1);
    assert_true(window->acquire.timeline && window->release.timeline);
    assert_false(compositor_acquired(window));
    fence_signal(&fence);
    assert_true(compositor_acquired(window));
    fence_finish(&fence);
    close_pair(&f, &a, &b);
}

static void a_frame_that_is_drawn_already_has_a_signalled_point(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_bed_show(&f, 0, &a, -1);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_true(window->acquire.timeline);
    assert_true(compositor_acquired(window));
    fence_init(&fence);
    fence_signal(&fence);
    fence_bed_show(&f, 0, &b, fence_dup(&fence));
    assert_true(compositor_acquired(window));
    assert_int_equal(wayl_stats(f.wayl)->fences[WAYL_FENCE_POINT], 0);
    fence_finish(&fence);
    close_pair(&f, &a, &b);
}

static void a_buffer_is_released_by_its_point_and_nothing_else(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_bed_show(&f, 0, &a, -1);
    assert_int_equal(a.base.locks, 1); /* the compositor sent a wl_buffer.release */
    fence_bed_show(&f, 0, &b, -1);
    fixture_until(&f, a.base.locks == 0);
    assert_int_equal(a.released, 1);
    assert_int_equal(b.base.locks, 1);
    compositor_release_early(compositor_window(f.compositor, 0));
    fixture_until(&f, b.base.locks == 0);
    close_pair(&f, &a, &b);
}

static void a_buffer_that_is_shown_again_is_released_by_its_last_point(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    struct compositor *c = f.compositor;
    c->hold_releases = true;
    for (unsigned i = 0; i < 5; i++) { /* a guest that draws in place */
        fence_bed_show(&f, 0, &a, -1);
    }
    assert_int_equal(c->n_held_points, 4);
    compositor_release_held(c);
    fixture_settle(&f);
    assert_int_equal(a.base.locks, 1);
    fence_bed_show(&f, 0, &b, -1);
    assert_int_equal(a.base.locks, 1);
    compositor_release_held(c);
    fixture_until(&f, a.base.locks == 0);
    assert_int_equal(a.released, 1);
    close_pair(&f, &a, &b);
}

static void releases_may_come_in_any_order(void **state)
{
    struct fixture f;
    struct test_buffer a, b, d;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_bed_buffer(&d);
    struct compositor *c = f.compositor;
    c->hold_releases = true;
    fence_bed_show(&f, 0, &a, -1);
    fence_bed_show(&f, 0, &b, -1);
    fence_bed_show(&f, 0, &d, -1);
    assert_int_equal(c->n_held_points, 2);
    compositor_signal_held(c, 1);
    fixture_until(&f, b.base.locks == 0);
    assert_int_equal(a.base.locks, 1);
    compositor_signal_held(c, 0);
    fixture_until(&f, a.base.locks == 0);
    c->n_held_points = 0;
    test_buffer_drop(&d);
    close_pair(&f, &a, &b);
    assert_true(d.destroyed);
}

static void a_frame_of_shared_memory_leaves_the_protocol_and_a_dmabuf_returns(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    test_buffer_drop(&b);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    for (unsigned i = 0; i < 3; i++) {
        fence_bed_show(&f, 0, &a, -1);
        assert_non_null(window->syncobj);
        assert_int_equal(a.base.locks, 1);
        fence_bed_show(&f, 0, &b, -1);
        assert_null(window->syncobj);
        assert_int_equal(b.base.locks, 1);
        fixture_until(&f, a.base.locks == 0);
        compositor_release_early(window); /* of shared memory, wl_buffer.release means something */
        fixture_settle(&f);
        assert_int_equal(b.base.locks, 0);
    }
    close_pair(&f, &a, &b);
}

static void a_black_window_leaves_the_protocol_too(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_bed_show(&f, 0, &a, -1);
    struct display *display = wayl_display(f.wayl);
    display->ops->disable(display, 0);
    fixture_until(&f, a.base.locks == 0);
    assert_null(compositor_window(f.compositor, 0)->syncobj);
    fence_bed_show(&f, 0, &b, -1);
    assert_int_equal(b.base.locks, 1);
    close_pair(&f, &a, &b);
}

static void a_resize_between_two_frames_sets_no_points(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_bed_show(&f, 0, &a, -1);
    compositor_configure(compositor_window(f.compositor, 0), 500, 500, (const uint32_t[]){ 1, 0 });
    fixture_settle(&f);
    fence_bed_show(&f, 0, &b, -1);
    close_pair(&f, &a, &b);
}

static void a_fence_that_is_no_sync_file_is_waited_for(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    int pipe_fds[2];
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    assert_int_equal(pipe(pipe_fds), 0);
    fence_bed_show(&f, 0, &a, pipe_fds[0]);
    assert_int_equal(wayl_stats(f.wayl)->presented, 0);
    assert_int_equal(wayl_stats(f.wayl)->fences[WAYL_FENCE_WAITED], 1);
    close(pipe_fds[1]);
    fixture_until(&f, wayl_stats(f.wayl)->presented == 1);
    fixture_settle(&f);
    assert_true(compositor_window(f.compositor, 0)->acquire.timeline);
    close_pair(&f, &a, &b);
}

static void a_frame_does_not_overtake_the_one_before_it(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_init(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    compositor_repaint(f.compositor); /* a compositor that shows what is drawn so far */
    fence_bed_show(&f, 0, &b, -1);
    assert_int_equal(wayl_stats(f.wayl)->presented, 1);
    fence_signal(&fence);
    fixture_until(&f, wayl_stats(f.wayl)->presented == 2);
    fence_finish(&fence);
    close_pair(&f, &a, &b);
}

static void a_fence_that_is_never_signalled_piles_nothing_up_and_stalls_nobody(void **state)
{
    struct fixture f;
    struct test_buffer a, b, other;
    struct fence fence;
    fence_bed_open(&f, 2, &(struct fence_bed_options){ .timelines = true, .impatient = true });
    fence_bed_buffer(&a);
    fence_bed_buffer(&b);
    fence_bed_buffer(&other);
    fence_init(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    unsigned commits = compositor_window(f.compositor, 0)->commits;
    /* The other window goes on, frame by frame. */
    for (unsigned i = 0; i < 3; i++) {
        fence_bed_show(&f, 1, &other, -1);
        compositor_repaint_surface(compositor_window(f.compositor, 1));
        fixture_until(&f, f.rec.n_done > 0 && f.rec.done[f.rec.n_done - 1] == f.seq);
    }
    /* The guest of the first is told to go on, as of a hidden window. */
    f.rec.n_done = 0;
    for (unsigned i = 0; i < 20; i++) {
        fence_bed_present(&f, 0, i % 2 ? &a : &b, fence_dup(&fence));
        unsigned n = f.rec.n_done;
        fixture_until(&f, f.rec.n_done > n);
    }
    assert_int_equal(compositor_window(f.compositor, 0)->commits, commits);
    fence_signal(&fence);
    fixture_until(&f, compositor_window(f.compositor, 0)->commits > commits);
    fence_finish(&fence);
    test_buffer_drop(&other);
    close_pair(&f, &a, &b);
    assert_true(other.destroyed);
}

static void without_a_device_that_serves_synchronisation_is_implicit(void **state)
{
    static const unsigned failures[] = { FENCE_FAIL_NO_TIMELINES, FENCE_FAIL_OLD_KERNEL,
                                         FENCE_FAIL_CREATE };
    for (unsigned i = 0; i < ARRAY_LEN(failures); i++) {
        struct fixture f;
        struct test_buffer a, b;
        if (!fences_fail(failures[i]))
            skip();
        fence_bed_open_pair(&f, &with_timelines, &a, &b);
        fences_fail(FENCE_FAIL_NOTHING);
        fence_bed_show(&f, 0, &a, -1);
        assert_null(compositor_window(f.compositor, 0)->syncobj);
        compositor_release_early(compositor_window(f.compositor, 0));
        fixture_settle(&f);
        assert_int_equal(a.base.locks, 0);
        close_pair(&f, &a, &b);
    }
}

static void a_device_that_begins_to_fail_ends_in_implicit_synchronisation(void **state)
{
    static const unsigned failures[] = { FENCE_FAIL_CREATE, FENCE_FAIL_POINTS, FENCE_FAIL_EVENTFD };
    for (unsigned i = 0; i < ARRAY_LEN(failures); i++) {
        struct fixture f;
        struct test_buffer a, b, d;
        struct fence fence;
        if (!fences_fail(failures[i]))
            skip();
        fences_fail(FENCE_FAIL_NOTHING);
        fence_bed_open_pair(&f, &with_timelines, &a, &b);
        fence_bed_buffer(&d);
        fence_bed_show(&f, 0, &a, -1);
        fences_fail(failures[i]);
        fence_init(&fence);
        fence_bed_show(&f, 0, &b, fence_dup(&fence));
        assert_int_equal(wayl_stats(f.wayl)->presented, 1); /* it waits here instead */
        fence_signal(&fence);
        fixture_until(&f, wayl_stats(f.wayl)->presented == 2);
        fences_fail(FENCE_FAIL_NOTHING);
        fixture_settle(&f);
        assert_null(compositor_window(f.compositor, 0)->syncobj);
        fixture_until(&f, a.base.locks == 0); /* by its point, as it was shown */
        fence_bed_show(&f, 0, &d, -1);
        assert_null(compositor_window(f.compositor, 0)->syncobj); /* not tried again */
        assert_int_equal(b.base.locks, 0);
        fence_finish(&fence);
        test_buffer_drop(&d);
        close_pair(&f, &a, &b);
    }
}

static void a_compositor_that_hangs_up_leaves_nothing_behind(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    struct fence fence;
    fence_bed_open_pair(&f, &with_timelines, &a, &b);
    fence_init(&fence);
    fence_bed_show(&f, 0, &a, fence_dup(&fence));
    fence_bed_show(&f, 0, &b, fence_dup(&fence));
    compositor_hang_up(f.compositor);
    fixture_until(&f, f.rec.n_lost == 1);
    assert_int_equal(a.base.locks, 0);
    assert_int_equal(b.base.locks, 0);
    fence_bed_present(&f, 0, &a, fence_dup(&fence));
    fixture_until(&f, f.rec.n_done > 0 && f.rec.done[f.rec.n_done - 1] == f.seq);
    fence_finish(&fence);
    fixture_close_with(&f, &a, &b);
    assert_int_equal(fences_live(), 0);
}

int main(void)
{
    if (!fences_init())
        return 77;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_goes_at_once_and_the_compositor_waits_for_its_fence),
        cmocka_unit_test(a_frame_that_is_drawn_already_has_a_signalled_point),
        cmocka_unit_test(a_buffer_is_released_by_its_point_and_nothing_else),
        cmocka_unit_test(a_buffer_that_is_shown_again_is_released_by_its_last_point),
        cmocka_unit_test(releases_may_come_in_any_order),
        cmocka_unit_test(a_frame_of_shared_memory_leaves_the_protocol_and_a_dmabuf_returns),
        cmocka_unit_test(a_black_window_leaves_the_protocol_too),
        cmocka_unit_test(a_resize_between_two_frames_sets_no_points),
        cmocka_unit_test(a_fence_that_is_no_sync_file_is_waited_for),
        cmocka_unit_test(a_frame_does_not_overtake_the_one_before_it),
        cmocka_unit_test(a_fence_that_is_never_signalled_piles_nothing_up_and_stalls_nobody),
        cmocka_unit_test(without_a_device_that_serves_synchronisation_is_implicit),
        cmocka_unit_test(a_device_that_begins_to_fail_ends_in_implicit_synchronisation),
        cmocka_unit_test(a_compositor_that_hangs_up_leaves_nothing_behind),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fences_finish();
    return failed;
}
