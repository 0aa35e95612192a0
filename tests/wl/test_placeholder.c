// SPDX-License-Identifier: MIT
/* What a window shows while there is no picture. */
#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "wl/banner.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

static const uint32_t maximised[] = { XDG_TOPLEVEL_STATE_MAXIMIZED, 0 };

/* Whether the window's buffer is of that size, with that text and nothing else. */
static bool says(struct fixture *f, int32_t width, int32_t height, const char *text)
{
    struct compositor_surface *window = compositor_window(f->compositor, 0);
    struct wl_shm_buffer *shm = window->buffer ? wl_shm_buffer_get(window->buffer) : NULL;
    size_t size = (size_t)width * (size_t)height * 4;
    if (!shm || wl_shm_buffer_get_width(shm) != width || wl_shm_buffer_get_height(shm) != height)
        return false;
    uint32_t *expected = calloc(1, size);
    wayl_banner_draw(expected, (uint32_t)width, (uint32_t)height, text);
    wl_shm_buffer_begin_access(shm);
    bool same = memcmp(expected, wl_shm_buffer_get_data(shm), size) == 0;
    wl_shm_buffer_end_access(shm);
    free(expected);
    return same;
}

static void a_window_says_what_it_waits_for_in_its_size(void **state)
{
    static const struct compositor_config *const configs[] = { &compositor_everything,
                                                               &compositor_poor };
    for (unsigned i = 0; i < 2; i++) {
        struct fixture f;
        fixture_open(&f, configs[i], 1);
        assert_true(says(&f, W, H, "waiting for the guest…"));
        compositor_configure(compositor_window(f.compositor, 0), 700, 500, maximised);
        compositor_sync(f.compositor);
        assert_int_equal(f.rec.n_lost, 0);
        if (configs[i]->viewporter) /* else the window can't be another size than the guest's */
            assert_true(says(&f, 700, 500, "waiting for the guest…"));
        fixture_close(&f);
    }
}

static void a_note_stands_in_the_window_until_there_is_a_picture(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    wayl_set_note(f.wayl, "graphics restarting");
    compositor_sync(f.compositor);
    assert_true(says(&f, W, H, "graphics restarting"));
    wayl_set_note(f.wayl, NULL);
    compositor_sync(f.compositor);
    assert_true(says(&f, W, H, "waiting for the guest…"));
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    unsigned commits = window->commits;
    wayl_set_note(f.wayl, "graphics restarting");
    compositor_sync(f.compositor);
    assert_int_equal(window->commits, commits); /* the last picture stays */
    compositor_configure(window, 700, 500, maximised);
    compositor_sync(f.compositor);
    assert_false(says(&f, 700, 500, "graphics restarting"));
    fixture_close_with(&f, &a, &b);
}

static void a_screen_that_the_guest_turned_off_is_black(void **state)
{
    struct fixture f;
    struct test_buffer a, b;
    fixture_open(&f, &compositor_everything, 1);
    test_buffer_init(&a, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    fixture_present(&f, 0, &a, NULL);
    compositor_sync(f.compositor);
    struct display *display = wayl_display(f.wayl);
    display->ops->disable(display, 0);
    fixture_until(&f, says(&f, 1, 1, "")); /* one pixel, scaled */
    fixture_close_with(&f, &a, &b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_says_what_it_waits_for_in_its_size),
        cmocka_unit_test(a_note_stands_in_the_window_until_there_is_a_picture),
        cmocka_unit_test(a_screen_that_the_guest_turned_off_is_black),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
