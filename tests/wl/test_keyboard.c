// SPDX-License-Identifier: MIT
/* Keys that the compositor keeps a half of for itself, and locks in step. */
#include <linux/input-event-codes.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

static struct compositor_seat *open_focused(struct fixture *f,
                                            const struct compositor_config *config)
{
    fixture_open(f, config, 1);
    struct compositor_seat *seat = &f->compositor->seat[0];
    compositor_keyboard_enter(seat, compositor_window(f->compositor, 0), NULL, 0);
    compositor_modifiers(seat, 0, 0, 0);
    expect_input(f, "focus 0; ");
    return seat;
}

static void a_modifier_whose_release_was_kept_is_released(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_focused(&f, &compositor_everything);
    compositor_key(seat, KEY_LEFTMETA, true);
    compositor_modifiers(seat, 64, 0, 0);
    compositor_key(seat, KEY_RIGHTSHIFT, true);
    compositor_modifiers(seat, 64 | 1, 0, 0);
    compositor_key(seat, KEY_A, true);
    expect_input(&f, "key 125 1; frame; key 54 1; frame; key 30 1; frame; ");
    compositor_modifiers(seat, 1, 0, 0); /* the compositor took the release of Super */
    expect_input(&f, "key 125 0; frame; ");
    compositor_key(seat, KEY_LEFTMETA, false); /* here it comes after all */
    compositor_modifiers(seat, 0, 0, 0);
    expect_input(&f, "key 54 0; frame; ");
    fixture_close(&f);
}

static void a_key_that_the_keymap_makes_a_modifier_counts_as_that(void **state)
{
    struct compositor_config config = compositor_everything;
    config.options = "ctrl:swapcaps";
    struct fixture f;
    struct compositor_seat *seat = open_focused(&f, &config);
    compositor_key(seat, KEY_CAPSLOCK, true);
    compositor_modifiers(seat, 4 /* control */, 0, 0);
    expect_input(&f, "key 58 1; frame; ");
    compositor_modifiers(seat, 0, 0, 0);
    expect_input(&f, "key 58 0; frame; ");
    fixture_close(&f);
}

static void a_modifier_that_is_held_stays_so_while_others_change(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_focused(&f, &compositor_everything);
    compositor_key(seat, KEY_LEFTCTRL, true);
    compositor_modifiers(seat, 4, 0, 0);
    compositor_modifiers(seat, 4, 2 /* caps lock */, 0);
    compositor_modifiers(seat, 4 | 8, 2, 1);
    expect_input(&f, "key 29 1; frame; ");
    fixture_close(&f);
}

static void a_release_whose_press_was_kept_is_dropped(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_focused(&f, &compositor_everything);
    compositor_key(seat, KEY_SYSRQ, false);
    compositor_key(seat, KEY_TAB, false);
    expect_input(&f, "");
    fixture_close(&f);
}

static void a_key_pressed_twice_is_released_in_between(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_focused(&f, &compositor_everything);
    compositor_key(seat, KEY_SYSRQ, true);
    compositor_key(seat, KEY_SYSRQ, true);
    compositor_key(seat, KEY_SYSRQ, false);
    expect_input(&f, "key 99 1; frame; key 99 0; key 99 1; frame; key 99 0; frame; ");
    fixture_close(&f);
}

/* What a compositor may send for a keymap. */
static void a_keymap_that_is_none_costs_no_more_than_itself(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_focused(&f, &compositor_everything);
    int fds[2], file = fd_memfd_sealed("keymap", 4096), pipes = pipe(fds);
    assert_true(file >= 0 && pipes == 0);
    assert_int_equal(pwrite(file, "xkb_keymap {{{{", 15, 0), 15);
    const struct {
        uint32_t format;
        int fd;
        uint32_t size;
    } keymaps[] = {
        { WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, file, 0 },
        { WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, file, 15 },
        { WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, file, 4097 }, /* longer than the file */
        { WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, file, UINT32_MAX },
        { WL_KEYBOARD_KEYMAP_FORMAT_XKB_V1, fds[0], 100 }, /* nothing ever comes */
        { WL_KEYBOARD_KEYMAP_FORMAT_NO_KEYMAP, file, 15 },
        { 77, file, 15 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(keymaps); i++) {
        wl_keyboard_send_keymap(seat->keyboard, keymaps[i].format, keymaps[i].fd, keymaps[i].size);
        compositor_modifiers(seat, UINT32_MAX, UINT32_MAX, UINT32_MAX);
        compositor_modifiers(seat, 0, 0, 0);
        compositor_key(seat, KEY_A, true);
        compositor_key(seat, KEY_A, false);
        expect_input(&f, "key 30 1; frame; key 30 0; frame; ");
    }
    close(file);
    close(fds[0]);
    close(fds[1]);
    fixture_close(&f);
}

/* Leaves the window, and comes back with these locks on. */
static void come_back(struct fixture *f, uint32_t locked)
{
    struct compositor_seat *seat = &f->compositor->seat[0];
    struct compositor_surface *window = compositor_window(f->compositor, 0);
    wl_keyboard_send_leave(seat->keyboard, ++f->compositor->serial, window->resource);
    compositor_keyboard_enter(seat, window, NULL, 0);
    compositor_modifiers(seat, 0, locked, 0);
    compositor_sync(f->compositor);
}

#define CAPS "key 58 1; frame; key 58 0; frame; "
#define NUM "key 69 1; frame; key 69 0; frame; "

static void a_lock_that_was_toggled_elsewhere_is_toggled_in_the_guest(void **state)
{
    struct fixture f;
    open_focused(&f, &compositor_everything);
    come_back(&f, 2 /* caps */);
    expect_input(&f, "focus -1; focus 0; " CAPS);
    f.rec.leds = 1u << LED_CAPSL;
    come_back(&f, 2);
    expect_input(&f, "focus -1; focus 0; ");
    come_back(&f, 16 /* num */);
    expect_input(&f, "focus -1; focus 0; " NUM CAPS);
    fixture_close(&f);
}

static void a_lock_toggled_in_the_window_is_left_to_the_two(void **state)
{
    struct fixture f;
    struct compositor_seat *seat = open_focused(&f, &compositor_everything);
    compositor_key(seat, KEY_CAPSLOCK, true);
    compositor_modifiers(seat, 2, 2, 0);
    compositor_key(seat, KEY_CAPSLOCK, false);
    compositor_modifiers(seat, 0, 2, 0);
    expect_input(&f, CAPS); /* the guest's LED follows later */
    fixture_close(&f);
}

static void a_guest_whose_led_does_not_follow_gets_the_key_once(void **state)
{
    struct fixture f;
    open_focused(&f, &compositor_everything);
    come_back(&f, 2);
    expect_input(&f, "focus -1; focus 0; " CAPS);
    come_back(&f, 2);
    come_back(&f, 2);
    expect_input(&f, "focus -1; focus 0; focus -1; focus 0; ");
    /* It has LEDs by now: the one lit and out again in the window counts, too. */
    f.rec.leds = 1u << LED_CAPSL;
    compositor_modifiers(&f.compositor->seat[0], 0, 2, 0);
    compositor_sync(f.compositor);
    f.rec.leds = 0;
    come_back(&f, 2);
    expect_input(&f, "focus -1; focus 0; " CAPS);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_modifier_whose_release_was_kept_is_released),
        cmocka_unit_test(a_key_that_the_keymap_makes_a_modifier_counts_as_that),
        cmocka_unit_test(a_modifier_that_is_held_stays_so_while_others_change),
        cmocka_unit_test(a_release_whose_press_was_kept_is_dropped),
        cmocka_unit_test(a_key_pressed_twice_is_released_in_between),
        cmocka_unit_test(a_keymap_that_is_none_costs_no_more_than_itself),
        cmocka_unit_test(a_lock_that_was_toggled_elsewhere_is_toggled_in_the_guest),
        cmocka_unit_test(a_lock_toggled_in_the_window_is_left_to_the_two),
        cmocka_unit_test(a_guest_whose_led_does_not_follow_gets_the_key_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
