// SPDX-License-Identifier: MIT
/* The guest's cursor while the host's pointer is locked, or others move the guest's. */
#include <drm_fourcc.h>

#include "tests/test.h"
#include "tests/wl/capture_bed.h"

static void open_with_cursor(struct fixture *f, struct test_buffer *image)
{
    fixture_open(f, &compositor_everything, 1);
    test_buffer_init(image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    capture_focus(f);
    capture_show_cursor(f, image);
    capture_move_cursor(f, 30, 40);
    assert_non_null(capture_seat(f)->cursor);
    assert_null(compositor_subsurface(capture_window(f)));
    capture_take(f);
}

static void a_locked_pointer_leaves_the_guests_cursor_in_its_place(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &image);
    struct compositor_surface *plane = compositor_subsurface(capture_window(&f));
    assert_null(capture_seat(&f)->cursor); /* the host's is not seen */
    assert_non_null(plane);
    assert_true(plane->has_content);
    assert_true(plane->deaf); /* what is pointed at is the window */
    assert_int_equal(plane->x, 30);
    assert_int_equal(plane->y, 40);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    capture_move_cursor(&f, -10, 50);
    assert_int_equal(plane->x, -10);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    capture_move_cursor(&f, INT32_MIN, INT32_MAX); /* as far as a compositor can be asked for */
    assert_int_equal(plane->x, -32768);
    assert_int_equal(plane->y, 32768);
    /* The host's pointer goes on where the guest's is: its hotspot. */
    capture_move_cursor(&f, 100, 80);
    capture_press(&f);
    capture_assert_released(&f);
    assert_true(capture_seat(&f)->hint_x == 104 && capture_seat(&f)->hint_y == 86);
    assert_non_null(capture_seat(&f)->cursor);
    assert_false(plane->has_content);
    /* Both again. */
    f.rec.input[0] = '\0';
    capture_take(&f);
    assert_true(plane->has_content);
    capture_press(&f);
    assert_false(plane->has_content);
    assert_non_null(capture_seat(&f)->cursor);
    struct compositor_surface *pointer = wl_resource_get_user_data(capture_seat(&f)->cursor);
    assert_true(pointer->has_content);
    fixture_close(&f);
    test_buffer_drop(&image);
    assert_true(image.destroyed);
}

static void the_guests_cursor_moves_once_for_each_time_that_it_is_shown(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &image);
    struct compositor_surface *plane = compositor_subsurface(capture_window(&f));
    unsigned commits = capture_window(&f)->commits;
    for (int i = 0; i < 100; i++)
        capture_move_cursor(&f, i, i);
    assert_int_equal(capture_window(&f)->commits,
                     commits); /* the first place is not on screen yet */
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(capture_window(&f)->commits, commits + 1);
    assert_int_equal(plane->x, 99);
    compositor_repaint(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(capture_window(&f)->commits, commits + 1);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void a_cursor_that_the_guest_hides_is_hidden_while_locked_too(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &image);
    struct compositor_surface *plane = compositor_subsurface(capture_window(&f));
    capture_show_cursor(&f, NULL);
    compositor_sync(f.compositor);
    assert_false(plane->has_content);
    capture_show_cursor(&f, &image);
    compositor_sync(f.compositor);
    assert_true(plane->has_content);
    capture_show_cursor(&f, NULL);
    capture_press(&f);
    assert_null(capture_seat(&f)->cursor);
    assert_int_equal(capture_seat(&f)->hints, 0); /* nobody knows where a hidden one is */
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void without_subsurfaces_a_locked_guest_has_no_cursor(void **state)
{
    struct compositor_config config = compositor_everything;
    config.subcompositor = 0;
    struct fixture f;
    struct test_buffer image;
    fixture_open(&f, &config, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    capture_focus(&f);
    capture_show_cursor(&f, &image);
    capture_take(&f);
    capture_move_cursor(&f, 1, 2);
    assert_null(capture_seat(&f)->cursor);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void a_pointer_that_others_move_is_shown_where_the_guest_has_it(void **state)
{
    struct fixture f;
    struct test_buffer image;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    capture_focus(&f);
    capture_show_cursor(&f, &image);
    capture_move_cursor(&f, 30, 40);
    wayl_set_apart(f.wayl, true);
    wayl_set_apart(f.wayl, true);
    compositor_sync(f.compositor);
    struct compositor_surface *plane = compositor_subsurface(capture_window(&f));
    assert_non_null(plane);
    assert_true(plane->has_content);
    assert_int_equal(plane->x, 30);
    assert_null(capture_seat(&f)->cursor);
    capture_take(&f); /* one more reason, and one less */
    capture_press(&f);
    assert_true(plane->has_content);
    wayl_set_apart(f.wayl, false);
    compositor_sync(f.compositor);
    assert_false(plane->has_content);
    assert_non_null(capture_seat(&f)->cursor);
    /* A window that is opened meanwhile. */
    wayl_close(f.wayl, 0);
    wayl_set_apart(f.wayl, true);
    wayl_open(f.wayl, 0);
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    capture_show_cursor(&f, &image);
    compositor_sync(f.compositor);
    assert_true(compositor_subsurface(capture_window(&f))->has_content);
    fixture_close(&f);
    test_buffer_drop(&image);
    assert_true(image.destroyed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_locked_pointer_leaves_the_guests_cursor_in_its_place),
        cmocka_unit_test(the_guests_cursor_moves_once_for_each_time_that_it_is_shown),
        cmocka_unit_test(a_cursor_that_the_guest_hides_is_hidden_while_locked_too),
        cmocka_unit_test(without_subsurfaces_a_locked_guest_has_no_cursor),
        cmocka_unit_test(a_pointer_that_others_move_is_shown_where_the_guest_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
