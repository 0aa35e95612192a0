// SPDX-License-Identifier: MIT
/* Every global that can be missed is: alone, all at once, or all but one. */
#include <drm_fourcc.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "xdg-shell-server.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

/* Until the frame is on screen. */
static void show(struct fixture *f, struct test_buffer *buffer)
{
    uint64_t n = wayl_stats(f->wayl)->presented;
    fixture_present(f, 1, buffer, NULL);
    fixture_until(f, wayl_stats(f->wayl)->presented == n + 1);
    compositor_sync(f->compositor);
    compositor_repaint(f->compositor);
    fixture_until(f, f->rec.n_done == f->seq);
}

/* What any desktop's window does: pictures in turn, by dmabuf or not, resized, focused, with a cursor,
 * then black, after half a second, if there is time for it. */
static void live_a_life(const struct compositor_config *config, bool to_black)
{
    struct fixture f;
    struct test_buffer a, b, hand;
    fixture_open(&f, config, 2);
    assert_non_null(f.wayl);
    struct compositor *c = f.compositor;
    struct compositor_surface *window = compositor_window(c, 1);
    struct display *display = wayl_display(f.wayl);
    assert_true(window->has_content);
    assert_int_equal(f.rec.n_modes, 2);
    bool dmabufs = config->dmabuf >= 3; /* older ones name no modifiers, and count as none */
    test_buffer_init(&a, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&b, FRAME_BUFFER_SHM, W, H, DRM_FORMAT_XRGB8888);
    test_buffer_init(&hand, FRAME_BUFFER_SHM, 64, 64, DRM_FORMAT_ARGB8888);
    if (!dmabufs) { /* the GPU process is told, and copies from then on */
        fixture_present(&f, 1, &a, NULL);
        fixture_until(&f, f.rec.n_done == 1);
        assert_int_equal(f.rec.n_failed, 1);
    }
    show(&f, dmabufs ? &a : &b);
    const uint32_t states[] = { XDG_TOPLEVEL_STATE_FULLSCREEN, 0 };
    compositor_configure(window, 1000, 700, states);
    compositor_sync(c);
    show(&f, &b);
    display->ops->cursor(display, 1, &(struct frame_cursor){ .buffer = &hand.base });
    if (c->seat[0].keyboard) {
        compositor_keyboard_enter(&c->seat[0], window, NULL, 0);
        compositor_key(&c->seat[0], 30, true);
        compositor_sync(c);
        assert_string_equal(f.rec.input, "focus 1; key 30 1; frame; ");
    }
    display->ops->cursor(display, 1, &(struct frame_cursor){ 0 });
    display->ops->disable(display, 1);
    if (to_black)
        fixture_until(&f, a.base.locks == 0 && b.base.locks == 0);
    assert_int_equal(f.rec.n_lost, 0);
    assert_true(wayl_stats(f.wayl)->presented == 2);
    fixture_close_with(&f, &a, &b);
    test_buffer_drop(&hand);
    assert_true(hand.destroyed);
}

/* With and without, for each global that is not needed. */
static void each_global_can_be_missed(void **state)
{
    for (unsigned i = 0; i < compositor_n_globals; i++) {
        const struct compositor_global *global = &compositor_globals[i];
        struct compositor_config config = compositor_everything;
        if (global->needed)
            continue;
        print_message("without %s\n", global->interface->name);
        *compositor_version(&config, global) = 0;
        live_a_life(&config, false);
    }
}

static struct compositor_config barest(void)
{
    struct compositor_config config = compositor_everything;
    for (unsigned i = 0; i < compositor_n_globals; i++) {
        if (!compositor_globals[i].needed)
            *compositor_version(&config, &compositor_globals[i]) = 0;
    }
    return config;
}

static void all_of_them_can_be_missed_at_once(void **state)
{
    struct compositor_config config = barest();
    live_a_life(&config, true);
    config.wm_base = 1;
    config.compositor = 4;
    live_a_life(&config, true);
}

static void each_global_may_be_the_only_one(void **state)
{
    for (unsigned i = 0; i < compositor_n_globals; i++) {
        const struct compositor_global *global = &compositor_globals[i];
        struct compositor_config config = barest(), everything = compositor_everything;
        if (global->needed)
            continue;
        print_message("with %s only\n", global->interface->name);
        *compositor_version(&config, global) = *compositor_version(&everything, global);
        live_a_life(&config, false);
    }
}

static void each_version_of_each_global_is_spoken(void **state)
{
    for (unsigned i = 0; i < compositor_n_globals; i++) {
        const struct compositor_global *global = &compositor_globals[i];
        struct compositor_config everything = compositor_everything;
        uint32_t newest = *compositor_version(&everything, global);
        for (uint32_t version = 1; version < newest; version++) {
            struct compositor_config config = compositor_everything;
            if (global->interface == &wl_compositor_interface && version < 4)
                continue; /* refused: see the next test */
            *compositor_version(&config, global) = version;
            live_a_life(&config, false);
        }
    }
}

static void without_one_that_is_needed_there_are_no_windows(void **state)
{
    for (unsigned i = 0; i < compositor_n_globals; i++) {
        const struct compositor_global *global = &compositor_globals[i];
        struct compositor_config config = compositor_everything;
        struct fixture f;
        if (!global->needed)
            continue;
        *compositor_version(&config, global) = 0;
        fixture_open(&f, &config, 1);
        assert_null(f.wayl);
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_global_can_be_missed),
        cmocka_unit_test(all_of_them_can_be_missed_at_once),
        cmocka_unit_test(each_global_may_be_the_only_one),
        cmocka_unit_test(each_version_of_each_global_is_spoken),
        cmocka_unit_test(without_one_that_is_needed_there_are_no_windows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
