// SPDX-License-Identifier: MIT
/* Windows that come and go: each is a monitor of the guest's that is plugged in and out. */
#include <drm_fourcc.h>
#include <string.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void settle(struct fixture *f)
{
    compositor_sync(f->compositor);
    compositor_sync(f->compositor);
}

static void expect_plugged(const struct fixture *f, unsigned scanout, bool in)
{
    assert_int_equal(wayl_is_open(f->wayl, scanout), in);
    assert_int_equal(f->rec.mode[scanout].width, in ? W : 0);
    assert_int_equal(f->rec.mode[scanout].height, in ? H : 0);
    assert_int_equal(f->rec.layout[scanout].width, in ? W : 0);
}

static void a_window_that_is_opened_plugs_a_monitor_in(void **state)
{
    struct fixture f;
    struct test_buffer a;
    fixture_open_some(&f, &compositor_everything, 1, 3);
    assert_string_equal(compositor_window(f.compositor, 0)->title, "A guest");
    assert_int_equal(f.rec.n_modes, 3); /* two of them are none */
    expect_plugged(&f, 0, true);
    expect_plugged(&f, 1, false);
    assert_true(f.rec.hidden[1]);
    unsigned formats = f.rec.formats_calls;
    assert_true(wayl_open(f.wayl, 1));
    expect_plugged(&f, 1, true);
    expect_plugged(&f, 2, false);
    assert_false(f.rec.hidden[1]);
    assert_int_equal(f.rec.formats_calls, formats + 1); /* what the guest shows there comes anew */
    settle(&f);
    struct compositor_surface *window = compositor_window(f.compositor, 1);
    assert_string_equal(window->title, "A guest (2)");
    assert_true(window->has_content);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 1, &a, NULL);
    settle(&f);
    compositor_repaint(f.compositor);
    fixture_until(&f, f.rec.n_done == 1);
    assert_int_equal(f.rec.done_scanout, 1);
    assert_true(wayl_open(f.wayl, 1));  /* it is */
    assert_false(wayl_open(f.wayl, 3)); /* there is none */
    assert_null(compositor_window(f.compositor, 2));
    fixture_close(&f);
    test_buffer_drop(&a);
}

static void a_window_that_is_closed_unplugs_it_and_stalls_nobody(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 2);
    test_buffer_init(&a, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 1, &a, NULL);
    settle(&f);
    assert_int_equal(a.base.locks, 1);
    f.compositor->hold_imports = true;
    fixture_present(&f, 1, &b, NULL); /* never gets there */
    settle(&f);
    wayl_close(f.wayl, 1);
    expect_plugged(&f, 1, false);
    expect_plugged(&f, 0, true);
    assert_true(f.rec.hidden[1]);
    assert_int_equal(a.base.locks, 0);
    assert_int_equal(b.base.locks, 0);
    fixture_until(&f, f.rec.n_done == 2);
    fixture_present(&f, 1, &a, NULL); /* the guest draws on */
    assert_int_equal(f.rec.n_done, 2);
    fixture_until(&f, f.rec.n_done == 3);
    assert_int_equal(a.base.locks, 0);
    struct display *display = wayl_display(f.wayl);
    display->ops->cursor(display, 1, &(struct frame_cursor){ 0 });
    display->ops->cursor_move(display, 1, 3, 3);
    display->ops->disable(display, 1);
    wayl_close(f.wayl, 1);
    settle(&f);
    assert_null(compositor_window(f.compositor, 1));
    assert_int_equal(f.rec.n_lost, 0);
    /* And again. */
    f.compositor->hold_imports = false;
    compositor_answer_imports(f.compositor);
    assert_true(wayl_open(f.wayl, 1));
    settle(&f);
    fixture_present(&f, 1, &b, NULL);
    settle(&f);
    compositor_repaint(f.compositor);
    fixture_until(&f, f.rec.n_done == 4);
    assert_int_equal(b.base.locks, 1);
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close_with(&f, &a, &b);
}

static void focus_and_pointer_leave_a_window_that_goes(void **state)
{
    struct fixture f;
    struct test_buffer hand;
    fixture_open(&f, &compositor_everything, 2);
    struct compositor_seat *seat = &f.compositor->seat[0];
    struct compositor_surface *window = compositor_window(f.compositor, 1);
    test_buffer_init(&hand, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    compositor_keyboard_enter(seat, window, NULL, 0);
    compositor_key(seat, 30, true);
    wl_pointer_send_enter(seat->pointer, 1, window->resource, 0, 0);
    wl_pointer_send_button(seat->pointer, 2, 0, 0x110, 1);
    wl_pointer_send_frame(seat->pointer);
    settle(&f);
    struct display *display = wayl_display(f.wayl);
    display->ops->cursor(display, 1, &(struct frame_cursor){ .buffer = &hand.base });
    settle(&f);
    f.rec.input[0] = '\0';
    wayl_close(f.wayl, 1);
    assert_non_null(strstr(f.rec.input, "key 30 0; frame; "));
    assert_non_null(strstr(f.rec.input, "focus -1; "));
    assert_non_null(strstr(f.rec.input, "button 272 0; frame; "));
    assert_non_null(strstr(f.rec.input, "leave; "));
    assert_int_equal(hand.base.locks, 0);
    f.rec.input[0] = '\0';
    compositor_key(seat, 30, false);
    wl_pointer_send_motion(seat->pointer, 0, 5, 5);
    wl_pointer_send_frame(seat->pointer);
    settle(&f);
    assert_string_equal(f.rec.input, "");
    fixture_close(&f);
    test_buffer_drop(&hand);
    assert_true(hand.destroyed);
}

static void a_window_may_be_closed_as_the_user_asks_for_it(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 2);
    f.rec.closes = true;
    xdg_toplevel_send_close(compositor_window(f.compositor, 0)->toplevel);
    settle(&f);
    assert_int_equal(f.rec.n_close, 1);
    expect_plugged(&f, 0, false);
    expect_plugged(&f, 1, true);
    xdg_toplevel_send_close(compositor_window(f.compositor, 0)->toplevel);
    settle(&f);
    assert_int_equal(f.rec.closed_scanout, 1);
    assert_null(compositor_window(f.compositor, 0));
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
}

static void there_may_be_sixteen(void **state)
{
    struct fixture f;
    fixture_open_some(&f, &compositor_everything, 1, DISPLAY_MAX_SCANOUTS);
    for (unsigned i = 1; i < DISPLAY_MAX_SCANOUTS; i++)
        assert_true(wayl_open(f.wayl, i));
    settle(&f);
    assert_string_equal(compositor_window(f.compositor, 15)->title, "A guest (16)");
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++) {
        expect_plugged(&f, i, true);
        wayl_close(f.wayl, i);
        expect_plugged(&f, i, false);
    }
    settle(&f);
    assert_null(compositor_window(f.compositor, 0));
    assert_int_equal(f.rec.n_lost, 0);
    fixture_close(&f);
}

static void a_new_producer_hears_of_every_monitor(void **state)
{
    struct fixture f;
    fixture_open_some(&f, &compositor_everything, 2, 3);
    wayl_close(f.wayl, 0);
    memset(f.rec.mode, 0xff, sizeof(f.rec.mode));
    wayl_set_producer(f.wayl, &f.rec.producer);
    expect_plugged(&f, 0, false);
    expect_plugged(&f, 1, true);
    expect_plugged(&f, 2, false);
    fixture_close(&f);
}

static void no_window_opens_once_the_compositor_is_gone(void **state)
{
    struct fixture f;
    fixture_open_some(&f, &compositor_everything, 1, 2);
    compositor_hang_up(f.compositor);
    fixture_until(&f, f.rec.n_lost == 1);
    assert_false(wayl_open(f.wayl, 1));
    assert_int_equal(f.rec.mode[0].width, W); /* the guest goes on as it was */
    wayl_close(f.wayl, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_that_is_opened_plugs_a_monitor_in),
        cmocka_unit_test(a_window_that_is_closed_unplugs_it_and_stalls_nobody),
        cmocka_unit_test(focus_and_pointer_leave_a_window_that_goes),
        cmocka_unit_test(a_window_may_be_closed_as_the_user_asks_for_it),
        cmocka_unit_test(there_may_be_sixteen),
        cmocka_unit_test(a_new_producer_hears_of_every_monitor),
        cmocka_unit_test(no_window_opens_once_the_compositor_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
