// SPDX-License-Identifier: MIT
/* The way of frames: damage, releases, callbacks, and when each is done. */
#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/fd.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void open_shm(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    fixture_open(f, &compositor_everything, 1);
    test_buffer_init(a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
}

static void open_shm_impatient(struct fixture *f, struct test_buffer *a, struct test_buffer *b)
{
    fixture_open_impatient(f, &compositor_everything, 1);
    test_buffer_init(a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
}

static void a_frame_damages_exactly_what_the_guest_drew(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    struct frame_rect damage = { 10, 20, 30, 40 };
    fixture_present(&f, 0, &a, &damage);
    compositor_sync(f.compositor);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_int_equal(window->n_damage, 1);
    assert_int_equal(window->damage[0].x, 10);
    assert_int_equal(window->damage[0].y, 20);
    assert_int_equal(window->damage[0].width, 30);
    assert_int_equal(window->damage[0].height, 40);
    assert_int_equal(wayl_stats(f.wayl)->presented, 1);
    assert_int_equal(wayl_stats(f.wayl)->last_path, FRAME_PATH_SHM);
    fixture_close_with(&f, &a, &b);
}

static void a_frame_is_done_with_its_frame_callback_and_not_before(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    uint32_t seq = fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 0);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 1);
    assert_int_equal(f.rec.done[0], seq);
    assert_int_equal(wayl_stats(f.wayl)->callbacks, 1);
    fixture_close_with(&f, &a, &b);
}

static void a_buffer_is_locked_until_the_compositor_releases_it(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(a.base.locks, 1);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(a.base.locks, 0);
    assert_int_equal(a.released, 1);
    assert_int_equal(b.base.locks, 1);
    fixture_close_with(&f, &a, &b);
}

static void a_frame_is_not_done_while_what_it_replaced_is_on_screen(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    f.compositor->hold_releases = true;
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 1);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 1);
    compositor_release_held(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 2);
    assert_int_equal(a.released, 1);
    fixture_close_with(&f, &a, &b);
}

static void a_release_alone_does_not_make_a_frame_done(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(a.released, 1); /* at the commit, as GL compositors do */
    assert_int_equal(f.rec.n_done, 1);
    fixture_close_with(&f, &a, &b);
}

static void a_buffer_released_early_is_replaced_without_waiting(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    for (unsigned i = 0; i < 4; i++) {
        fixture_present(&f, 0, i % 2 ? &b : &a, NULL);
        compositor_sync(f.compositor);
        compositor_release_early(compositor_window(f.compositor, 0));
        compositor_repaint(f.compositor);
        compositor_sync(f.compositor);
        assert_int_equal(f.rec.n_done, i + 1);
    }
    assert_int_equal(a.released, 2);
    fixture_close_with(&f, &a, &b);
}

static void a_guest_that_draws_in_place_is_paced_by_callbacks_alone(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    for (unsigned i = 0; i < 3; i++) {
        fixture_present(&f, 0, &a, NULL);
        compositor_sync(f.compositor);
        assert_int_equal(f.rec.n_done, i);
        compositor_repaint(f.compositor);
        compositor_sync(f.compositor);
    }
    assert_int_equal(f.rec.n_done, 3);
    assert_int_equal(a.base.locks, 1);
    fixture_close_with(&f, &a, &b);
}

static void a_hidden_window_stalls_nobody_and_piles_up_no_callbacks(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm_impatient(&f, &a, &b);
    for (unsigned i = 0; i < 6; i++) {
        uint32_t seq = fixture_present(&f, 0, i % 2 ? &b : &a, NULL);
        fixture_until(&f, f.rec.n_done == i + 1);
        assert_int_equal(f.rec.done[i], seq);
    }
    assert_int_equal(f.compositor->live_callbacks, 1);
    assert_int_equal(wayl_stats(f.wayl)->unpaced, 6);
    assert_int_equal(wayl_stats(f.wayl)->presented, 6);
    assert_true(f.rec.hidden[0]);
    /* It comes back. */
    compositor_repaint(f.compositor);
    fixture_until(&f, wayl_stats(f.wayl)->callbacks == 1);
    assert_false(f.rec.hidden[0]);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    compositor_repaint(f.compositor);
    fixture_until(&f, wayl_stats(f.wayl)->callbacks == 2);
    assert_int_equal(f.rec.n_done, 7);
    fixture_close_with(&f, &a, &b);
}

static void frames_of_a_hidden_window_do_not_spin(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm_impatient(&f, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    fixture_until(&f, f.rec.n_done == 1); /* it is hidden now */
    int64_t start = fixture_now_ms();
    for (unsigned i = 1; i <= 5; i++) {
        fixture_present(&f, 0, i % 2 ? &b : &a, NULL);
        fixture_until(&f, f.rec.n_done == i + 1);
    }
    assert_true(fixture_now_ms() - start >= 5 * 16); /* it does not spin */
    fixture_close_with(&f, &a, &b);
}

static void a_compositor_that_is_slow_is_not_taken_for_one_that_hides_the_window(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm_impatient(&f, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    /* It draws for longer than 250 ms, and reads nothing meanwhile. */
    compositor_freeze(f.compositor);
    int64_t start = fixture_now_ms();
    while (fixture_now_ms() - start < 600)
        loop_run_once(f.loop, 50);
    assert_int_equal(f.rec.n_done, 0);
    compositor_repaint(f.compositor);
    compositor_thaw(f.compositor);
    fixture_until(&f, f.rec.n_done == 1);
    assert_int_equal(wayl_stats(f.wayl)->callbacks, 1);
    assert_int_equal(wayl_stats(f.wayl)->unpaced, 0);
    fixture_close_with(&f, &a, &b);
}

static void a_silent_compositor_stalls_nobody(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm_impatient(&f, &a, &b);
    compositor_freeze(f.compositor);
    fixture_present(&f, 0, &a, NULL);
    fixture_until(&f, f.rec.n_done == 1);
    fixture_present(&f, 0, &b, NULL);
    fixture_until(&f, f.rec.n_done == 2);
    assert_int_equal(f.rec.n_lost, 0);
    compositor_thaw(f.compositor);
    compositor_sync(f.compositor);
    fixture_close_with(&f, &a, &b);
}

static void a_hidden_window_does_not_stall_another(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 2);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 0, &a, NULL);
    uint32_t seq = fixture_present(&f, 1, &b, NULL);
    compositor_sync(f.compositor);
    compositor_repaint_surface(compositor_window(f.compositor, 1));
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 1);
    assert_int_equal(f.rec.done[0], seq);
    assert_int_equal(f.rec.done_scanout, 1);
    fixture_close_with(&f, &a, &b);
}

static void a_compositor_that_never_releases_stalls_nobody(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm_impatient(&f, &a, &b);
    f.compositor->hold_releases = true;
    for (unsigned i = 0; i < 3; i++) {
        fixture_present(&f, 0, i % 2 ? &b : &a, NULL);
        compositor_sync(f.compositor);
        compositor_repaint(f.compositor);
        fixture_until(&f, f.rec.n_done == i + 1);
    }
    f.compositor->n_held = 0;
    fixture_close_with(&f, &a, &b);
}

static void the_screens_period_is_told_when_it_is_another(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_pace, 1); /* with the producer */
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(wayl_stats(f.wayl)->shown, 1); /* the first was never on screen */
    assert_int_equal(wayl_stats(f.wayl)->latency.count, 1);
    assert_int_equal(f.rec.n_pace, 2);
    assert_int_equal(f.rec.period_ns, 13333333);
    assert_int_equal(f.rec.n_done, 2);
    f.compositor->refresh_ns = 13333000; /* measured */
    for (unsigned i = 0; i < 3; i++) {
        fixture_present(&f, 0, i % 2 ? &b : &a, NULL);
        compositor_sync(f.compositor);
        compositor_repaint(f.compositor);
        compositor_sync(f.compositor);
    }
    assert_int_equal(f.rec.n_pace, 2);
    assert_false(f.rec.hidden[0]);
    fixture_close_with(&f, &a, &b);
}

static void a_frame_waits_for_its_fence(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    int fence = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct frame frame = {
        .buffer = &a.base, .source = { 0, 0, W, H }, .seq = 7, .acquire_fence = dup(fence)
    };
    struct display *display = wayl_display(f.wayl);
    display->ops->present(display, 0, &frame);
    compositor_sync(f.compositor);
    assert_int_equal(wayl_stats(f.wayl)->presented, 0);
    assert_int_equal(a.base.locks, 1);
    fd_event_signal(fence);
    fixture_until(&f, wayl_stats(f.wayl)->presented == 1);
    close(fence);
    fixture_close_with(&f, &a, &b);
}

static void a_newer_frame_replaces_one_that_waits_for_its_fence(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    int fence = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    struct frame frame = {
        .buffer = &a.base, .source = { 0, 0, W, H }, .seq = 1, .acquire_fence = fence
    };
    struct display *display = wayl_display(f.wayl);
    display->ops->present(display, 0, &frame);
    f.seq = 1;
    fixture_present(&f, 0, &b, NULL);
    assert_int_equal(a.base.locks, 0);
    assert_int_equal(wayl_stats(f.wayl)->dropped, 1);
    compositor_sync(f.compositor);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 2);
    assert_int_equal(f.rec.done[0], 1);
    assert_int_equal(f.rec.done[1], 2);
    fixture_close_with(&f, &a, &b);
}

static void what_a_dropped_frame_drew_is_damaged_by_the_next_one(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    const struct frame_rect damage = { 10, 20, 30, 40 };
    struct frame frame = { .buffer = &a.base,
                           .source = { 0, 0, W, H },
                           .seq = ++f.seq,
                           .acquire_fence = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                           .n_damage = 1,
                           .damage = { { 100, 100, 1, 1 } } };
    struct display *display = wayl_display(f.wayl);
    display->ops->present(display, 0, &frame);
    fixture_present(&f, 0, &b, &damage);
    compositor_sync(f.compositor);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_int_equal(window->n_damage, 1);
    assert_int_equal(window->damage[0].width, W);
    assert_int_equal(window->damage[0].height, H);
    fixture_present(&f, 0, &a, &damage);
    compositor_sync(f.compositor);
    assert_int_equal(window->damage[0].width, 30);
    fixture_close_with(&f, &a, &b);
}

static void a_picture_inside_a_buffer_is_cut_out(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W * 2, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    struct frame frame = { .buffer = &a.base,
                           .source = { W, 0, W, H },
                           .seq = 1,
                           .acquire_fence = -1,
                           .n_damage = 1,
                           .damage = { { 5, 6, 7, 8 } } };
    struct display *display = wayl_display(f.wayl);
    display->ops->present(display, 0, &frame);
    compositor_sync(f.compositor);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_int_equal(window->source.x, W);
    assert_int_equal(window->source.width, W);
    assert_int_equal(window->width, W);
    assert_int_equal(window->damage[0].x, W + 5);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(window->source.width, -1);
    fixture_close_with(&f, &a, &b);
}

static void an_upside_down_picture_is_turned_by_the_compositor(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    struct frame frame = { .buffer = &a.base,
                           .source = { 0, 0, W, H },
                           .seq = 1,
                           .y_inverted = true,
                           .acquire_fence = -1,
                           .n_damage = 1,
                           .damage = { { 0, 0, W, 10 } } };
    struct display *display = wayl_display(f.wayl);
    display->ops->present(display, 0, &frame);
    compositor_sync(f.compositor);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_int_equal(window->transform, WL_OUTPUT_TRANSFORM_FLIPPED_180);
    assert_int_equal(window->damage[0].y, H - 10);
    fixture_close_with(&f, &a, &b);
}

static void a_frame_that_does_not_lie_in_its_buffer_is_refused_and_done(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    struct frame frame = {
        .buffer = &a.base, .source = { 1, 0, W, H }, .seq = 1, .acquire_fence = -1
    };
    struct display *display = wayl_display(f.wayl);
    display->ops->present(display, 0, &frame);
    fixture_until(&f, f.rec.n_done == 1);
    assert_int_equal(wayl_stats(f.wayl)->presented, 0);
    assert_int_equal(a.base.locks, 0);
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close_with(&f, &a, &b);
}

static void a_scanout_turned_off_keeps_its_picture_a_while_and_then_goes_black(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    struct display *display = wayl_display(f.wayl);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    /* A mode set: off, and on again at once. */
    unsigned commits = window->commits;
    display->ops->disable(display, 0);
    assert_int_equal(a.base.locks, 1);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(window->commits, commits + 1);
    assert_int_equal(b.base.locks, 1);
    /* Off for good. */
    int64_t start = fixture_now_ms();
    display->ops->disable(display, 0);
    fixture_until(&f, b.base.locks == 0);
    assert_true(fixture_now_ms() - start >= 499);
    assert_true(window->has_content);
    assert_int_equal(window->width, W);
    fixture_close_with(&f, &a, &b);
}

static void a_producer_that_went_away_is_not_answered(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    open_shm(&f, &a, &b);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    wayl_set_producer(f.wayl, NULL);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 0);
    /* Its successor is told what it needs, and starts afresh. */
    f.rec.n_modes = f.rec.formats_calls = 0;
    wayl_set_producer(f.wayl, &f.rec.producer);
    assert_int_equal(f.rec.n_modes, 1);
    assert_int_equal(f.rec.formats_calls, 1);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_done, 1);
    fixture_close_with(&f, &a, &b);
}

struct eager {
    struct fixture *f;
    struct test_buffer *buffer;
    unsigned left;
};

static void present_at_once(void *data)
{
    struct eager *eager = data;
    if (eager->left == 0)
        return;
    eager->left--;
    fixture_present(eager->f, 0, eager->buffer, NULL);
}

static void a_frame_presented_amid_late_answers_is_answered_too(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open_impatient(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    struct eager eager = { .f = &f, .buffer = &b, .left = 1 };
    f.rec.then = present_at_once;
    f.rec.then_data = &eager;
    fixture_present(&f, 0, &a, NULL);
    fixture_present(&f, 0, &b, NULL); /* nobody sees the window: both are answered together */
    fixture_until(&f, f.rec.n_done == 3);
    fixture_close_with(&f, &a, &b);
}

static void a_mode_set_of_the_guests_own_resizes_the_window_with_its_first_picture(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, 640, 480, DRM_FORMAT_XRGB8888);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    fixture_present(&f, 0, &a, NULL);
    fixture_present(&f, 0, &b, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(window->width, 640);
    assert_int_equal(window->height, 480);
    /* The compositor still speaks of the size from before. */
    compositor_configure(window, W, H, (const uint32_t[]){ 0 });
    compositor_sync(f.compositor);
    assert_int_equal(window->width, 640);
    fixture_close_with(&f, &a, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_damages_exactly_what_the_guest_drew),
        cmocka_unit_test(a_frame_is_done_with_its_frame_callback_and_not_before),
        cmocka_unit_test(a_buffer_is_locked_until_the_compositor_releases_it),
        cmocka_unit_test(a_frame_is_not_done_while_what_it_replaced_is_on_screen),
        cmocka_unit_test(a_release_alone_does_not_make_a_frame_done),
        cmocka_unit_test(a_buffer_released_early_is_replaced_without_waiting),
        cmocka_unit_test(a_guest_that_draws_in_place_is_paced_by_callbacks_alone),
        cmocka_unit_test(a_hidden_window_stalls_nobody_and_piles_up_no_callbacks),
        cmocka_unit_test(frames_of_a_hidden_window_do_not_spin),
        cmocka_unit_test(a_compositor_that_is_slow_is_not_taken_for_one_that_hides_the_window),
        cmocka_unit_test(a_silent_compositor_stalls_nobody),
        cmocka_unit_test(a_hidden_window_does_not_stall_another),
        cmocka_unit_test(a_compositor_that_never_releases_stalls_nobody),
        cmocka_unit_test(the_screens_period_is_told_when_it_is_another),
        cmocka_unit_test(a_frame_waits_for_its_fence),
        cmocka_unit_test(a_newer_frame_replaces_one_that_waits_for_its_fence),
        cmocka_unit_test(what_a_dropped_frame_drew_is_damaged_by_the_next_one),
        cmocka_unit_test(a_picture_inside_a_buffer_is_cut_out),
        cmocka_unit_test(an_upside_down_picture_is_turned_by_the_compositor),
        cmocka_unit_test(a_frame_that_does_not_lie_in_its_buffer_is_refused_and_done),
        cmocka_unit_test(a_scanout_turned_off_keeps_its_picture_a_while_and_then_goes_black),
        cmocka_unit_test(a_producer_that_went_away_is_not_answered),
        cmocka_unit_test(a_frame_presented_amid_late_answers_is_answered_too),
        cmocka_unit_test(a_mode_set_of_the_guests_own_resizes_the_window_with_its_first_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
