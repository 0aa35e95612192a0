// SPDX-License-Identifier: MIT
/* The guest's cursor as the image of the host's pointer. */
#include <drm_fourcc.h>
#include <linux/input-event-codes.h>

#include "protocols-config.h"
#include "tests/test.h"
#include "tests/wl/fixture.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static void point_at(struct fixture *f, double x, double y)
{
    struct compositor_seat *seat = &f->compositor->seat[0];
    wl_pointer_send_enter(seat->pointer, ++f->compositor->serial,
                          compositor_window(f->compositor, 0)->resource, wl_fixed_from_double(x),
                          wl_fixed_from_double(y));
    wl_pointer_send_frame(seat->pointer);
    compositor_sync(f->compositor);
}

static void move(struct fixture *f)
{
    struct compositor_seat *seat = &f->compositor->seat[0];
    wl_pointer_send_motion(seat->pointer, 0, wl_fixed_from_int(7), wl_fixed_from_int(7));
    wl_pointer_send_frame(seat->pointer);
    compositor_sync(f->compositor);
}

static void show(struct fixture *f, struct test_buffer *image, uint32_t hot_x, uint32_t hot_y)
{
    struct display *display = wayl_display(f->wayl);
    struct frame_cursor cursor = { &image->base, hot_x, hot_y };
    display->ops->cursor(display, 0, &cursor);
    compositor_sync(f->compositor);
}

static void open_with_cursor(struct fixture *f, const struct compositor_config *config,
                             struct test_buffer *image)
{
    fixture_open(f, config, 1);
    test_buffer_init(image, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    point_at(f, 1, 1);
    show(f, image, 10, 20);
}

static struct compositor_surface *cursor_surface(struct fixture *f)
{
    struct wl_resource *surface = f->compositor->seat[0].cursor;
    assert_non_null(surface);
    return wl_resource_get_user_data(surface);
}

static void the_image_is_scaled_as_the_picture_is(void **state)
{
    struct fixture f;
    struct test_buffer image, picture;
    open_with_cursor(&f, &compositor_everything, &image);
    struct compositor_seat *seat = &f.compositor->seat[0];
    test_buffer_init(&picture, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 0, &picture, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(cursor_surface(&f)->width, 64);
    assert_int_equal(seat->hot_x, 10);
    assert_int_equal(seat->hot_y, 20);
    /* The window is half as high, and the picture too: the next motion finds the image unfit. */
    compositor_configure(compositor_window(f.compositor, 0), W, H / 2,
                         (const uint32_t[]){ 1 /* maximised */, 0 });
    compositor_sync(f.compositor);
    move(&f);
    assert_int_equal(cursor_surface(&f)->width, 32);
    assert_int_equal(cursor_surface(&f)->height, 32);
    assert_int_equal(seat->hot_x, 5);
    assert_int_equal(seat->hot_y, 10);
    unsigned sets = seat->cursor_sets;
    move(&f); /* and it fits now */
    assert_int_equal(seat->cursor_sets, sets);
    fixture_close(&f);
    test_buffer_drop(&image);
    test_buffer_drop(&picture);
    assert_true(image.destroyed);
}

/* Presents a picture of the window's logical size times scale / 120. */
static void draw_at(struct fixture *f, struct test_buffer *picture, uint32_t scale)
{
    test_buffer_init(picture, FRAME_BUFFER_SHM, W * scale / 120, H * scale / 120,
                     DRM_FORMAT_XRGB8888);
    fixture_settle(f);
    fixture_present(f, 0, picture, NULL);
    fixture_settle(f);
    move(f);
}

static void at_each_scale_the_image_has_the_pictures_pixels(void **state)
{
    static const uint32_t scales[] = { 120, 150, 180, 240 };
    for (unsigned i = 0; i < sizeof(scales) / sizeof(scales[0]); i++) {
        struct fixture f;
        struct test_buffer image, picture;
        open_with_cursor(&f, &compositor_everything, &image);
        compositor_preferred_scale(compositor_window(f.compositor, 0), scales[i]);
        draw_at(&f, &picture, scales[i]);
        int32_t size = (int32_t)(64 * 120 + scales[i] / 2) / (int32_t)scales[i];
        assert_int_equal(cursor_surface(&f)->width, size);
        assert_int_equal(cursor_surface(&f)->height, size);
        assert_int_equal(f.compositor->seat[0].hot_x, (10 * size + 32) / 64);
        assert_int_equal(f.compositor->seat[0].hot_y, (20 * size + 32) / 64);
        assert_int_equal(cursor_surface(&f)->scale, 1);
        fixture_close_with(&f, &image, &picture);
    }
}

static void without_a_viewporter_a_whole_scale_is_the_buffers(void **state)
{
    struct compositor_config config = compositor_everything;
    config.viewporter = 0;
    struct fixture f;
    struct test_buffer image, picture;
    open_with_cursor(&f, &config, &image);
    struct compositor_output *sharp = compositor_output_add(f.compositor, 3840, 2160, 60000, 2);
    fixture_settle(&f);
    compositor_surface_enter(compositor_window(f.compositor, 0), sharp);
    draw_at(&f, &picture, 240);
    assert_int_equal(cursor_surface(&f)->scale, 2);
    assert_int_equal(f.compositor->seat[0].hot_x, 5);
    assert_int_equal(f.compositor->seat[0].hot_y, 10);
    fixture_close_with(&f, &image, &picture);
}

static void without_a_viewporter_the_image_keeps_its_pixels(void **state)
{
    struct compositor_config config = compositor_everything;
    config.viewporter = 0;
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &config, &image);
    assert_int_equal(cursor_surface(&f)->scale, 1);
    assert_int_equal(f.compositor->seat[0].hot_y, 20);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void a_hotspot_outside_of_the_image_is_its_edge(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &compositor_everything, &image);
    show(&f, &image, UINT32_MAX, 64);
    assert_int_equal(f.compositor->seat[0].hot_x, 64);
    assert_int_equal(f.compositor->seat[0].hot_y, 64);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void the_image_is_set_with_the_serial_of_the_enter(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &compositor_everything, &image);
    struct compositor_seat *seat = &f.compositor->seat[0];
    uint32_t serial = ++f.compositor->serial;
    wl_pointer_send_leave(seat->pointer, ++f.compositor->serial,
                          compositor_window(f.compositor, 0)->resource);
    wl_pointer_send_enter(seat->pointer, serial, compositor_window(f.compositor, 0)->resource, 0,
                          0);
    wl_pointer_send_button(seat->pointer, ++f.compositor->serial, 0, BTN_LEFT, 1);
    show(&f, &image, 1, 1);
    assert_int_equal(seat->cursor_serial, serial);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void a_guest_that_has_drawn_nothing_leaves_the_pointer_as_it_is(void **state)
{
    struct fixture f;
    struct test_buffer picture;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&picture, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    struct compositor_seat *seat = &f.compositor->seat[0];
    point_at(&f, 1, 1);
#if HAVE_CURSOR_SHAPE
    assert_int_equal(seat->cursor_shape, 1 /* default */);
#endif
    assert_null(seat->cursor);
    fixture_present(&f, 0, &picture, NULL);
    compositor_sync(f.compositor);
    assert_int_equal(seat->cursor_shape, 0);
    assert_null(seat->cursor); /* hidden: the guest draws its own */
    assert_int_equal(seat->cursor_sets, 2);
    fixture_close(&f);
    test_buffer_drop(&picture);
}

/* Shows far more images than any socket holds to a compositor that stands still; with turns of the loop or in one. */
static struct frame_cursor flood(struct fixture *f, struct test_buffer *image, bool turns)
{
    struct display *display = wayl_display(f->wayl);
    struct frame_cursor cursor = { &image->base, 0, 0 };
    compositor_freeze(f->compositor);
    for (unsigned i = 0; i < 100000; i++) {
        cursor.hot_x = i % 64;
        display->ops->cursor(display, 0, &cursor);
        if (turns && i % 100 == 0)
            loop_run_once(f->loop, 0);
    }
    return cursor;
}

static void an_image_that_comes_while_the_socket_is_full_is_shown_later(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &compositor_everything, &image);
    struct display *display = wayl_display(f.wayl);
    struct frame_cursor cursor = flood(&f, &image, true);
    cursor.hot_x = 33;
    display->ops->cursor(display, 0, &cursor);
    compositor_thaw(f.compositor);
    compositor_sync(f.compositor);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.n_lost, 0);
    assert_int_equal(f.compositor->seat[0].hot_x, 33);
    fixture_close(&f);
    test_buffer_drop(&image);
}

static void images_that_come_in_one_turn_overflow_nothing(void **state)
{
    struct fixture f;
    struct test_buffer image;
    open_with_cursor(&f, &compositor_everything, &image);
    struct frame_cursor cursor = flood(&f, &image, false);
    compositor_thaw(f.compositor);
    fixture_settle(&f);
    assert_int_equal(f.compositor->seat[0].hot_x, cursor.hot_x);
    fixture_close(&f);
    test_buffer_drop(&image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_image_is_scaled_as_the_picture_is),
        cmocka_unit_test(at_each_scale_the_image_has_the_pictures_pixels),
        cmocka_unit_test(without_a_viewporter_a_whole_scale_is_the_buffers),
        cmocka_unit_test(without_a_viewporter_the_image_keeps_its_pixels),
        cmocka_unit_test(a_hotspot_outside_of_the_image_is_its_edge),
        cmocka_unit_test(the_image_is_set_with_the_serial_of_the_enter),
        cmocka_unit_test(a_guest_that_has_drawn_nothing_leaves_the_pointer_as_it_is),
        cmocka_unit_test(an_image_that_comes_while_the_socket_is_full_is_shown_later),
        cmocka_unit_test(images_that_come_in_one_turn_overflow_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
