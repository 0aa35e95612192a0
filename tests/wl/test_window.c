// SPDX-License-Identifier: MIT
/* The windows: that they are there, how large they are, how they end. */
#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "xdg-shell-server.h"

static void a_window_is_there_and_black_before_the_first_frame(void **state)
{
    struct fixture f;
    fixture_open(&f, &compositor_everything, 1);
    assert_non_null(f.wayl);
    struct compositor_surface *window = compositor_window(f.compositor, 0);
    assert_non_null(window);
    assert_true(window->has_content);
    assert_true(window->opaque);
    assert_int_equal(window->width, FIXTURE_WIDTH);
    assert_int_equal(window->height, FIXTURE_HEIGHT);
    assert_string_equal(window->title, "A guest");
    assert_string_equal(window->app_id, "vitrine.test");
    assert_int_equal(window->min.width, FIXTURE_WIDTH);
    assert_int_equal(window->max.height, FIXTURE_HEIGHT);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_window_is_there_and_black_before_the_first_frame),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
