// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "vmm/app/input_options.h"
#include "vmm/base/util.h"

static struct input_options o;

static int set_up(void **state)
{
    memset(&o, 0, sizeof(o));
    unsetenv("XDG_SEAT");
    return 0;
}

static void nothing_said_is_auto(void **state)
{
    assert_true(input_options_complete(&o, false));
    assert_true(o.wayland && o.automatic && input_options_any(&o));
    assert_int_equal(o.n, 1);
    assert_int_equal(o.spec[0].kind, SOURCE_SEAT);
    assert_string_equal(o.spec[0].name, "seat0");
    assert_true(o.spec[0].optional);
    assert_false(o.spec[0].grab || o.spec[0].always);
}

static void auto_is_the_session_s_seat(void **state)
{
    setenv("XDG_SEAT", "seat3", 1);
    assert_true(input_take(&o, "touchscreen")); /* names no source */
    assert_true(input_options_complete(&o, false));
    assert_string_equal(o.spec[0].name, "seat3");
    assert_true(o.touchscreen);
}

static void named_devices_take_the_place_of_the_windows(void **state)
{
    assert_true(input_take(&o, "libinput:device=/dev/input/event5,grab"));
    assert_true(input_take_evdev(&o, "/dev/input/event6"));
    assert_true(input_options_complete(&o, false));
    assert_false(o.wayland || o.automatic);
    assert_int_equal(o.n, 2);
    assert_string_equal(o.spec[0].name, "/dev/input/event5");
    assert_true(o.spec[0].grab);
    assert_string_equal(o.spec[1].name, "/dev/input/event6");
    assert_int_equal(o.spec[1].kind, SOURCE_DEVICE);
    assert_false(o.spec[1].grab);
}

static void sources_can_be_told_together(void **state)
{
    assert_true(input_take(&o, "libinput:seat=seat1,focus=always"));
    assert_true(input_take(&o, "wayland"));
    assert_true(input_options_complete(&o, false));
    assert_true(o.wayland && o.spec[0].always);
    assert_int_equal(o.n, 1);
}

static void settings_are_taken(void **state)
{
    assert_true(input_take(&o, "libinput:seat=seat1,tap,accel=flat,speed=-0.25,natural-scroll=on,"
                               "left-handed=off,dwt=off,scroll=edge,motion=accelerated,"
                               "calibration=1:0:0.5:0:-1:1"));
    const struct source_settings *s = &o.spec[0].settings;
    assert_int_equal(s->tap, SOURCE_ON);
    assert_int_equal(s->accel, SOURCE_ACCEL_FLAT);
    assert_true(s->has_speed && s->speed == -0.25);
    assert_int_equal(s->natural_scroll, SOURCE_ON);
    assert_int_equal(s->left_handed, SOURCE_OFF);
    assert_int_equal(s->dwt, SOURCE_OFF);
    assert_int_equal(s->scroll, SOURCE_SCROLL_EDGE);
    assert_true(o.spec[0].accelerated);
    static const float matrix[] = { 1, 0, 0.5f, 0, -1, 1 };
    assert_true(s->has_calibration);
    assert_memory_equal(s->calibration, matrix, sizeof(matrix));
    assert_int_equal(o.spec[1].settings.tap, SOURCE_UNSET);
}

static void each_monitor_may_have_a_pointer(void **state)
{
    assert_false(o.each_pointer);
    assert_true(input_take(&o, "pointers=each"));
    assert_true(o.each_pointer && !o.given); /* names no source */
    assert_true(input_take(&o, "pointers=one"));
    assert_false(o.each_pointer);
    assert_false(input_take(&o, "pointers=2"));
    assert_false(input_take(&o, "pointers="));
}

static void the_hotkey_has_names(void **state)
{
    assert_true(input_take(&o, "hotkey=scrolllock"));
    assert_int_equal(o.hotkey.first, KEY_SCROLLLOCK);
    assert_int_equal(o.hotkey.second, KEY_SCROLLLOCK);
    assert_false(input_take(&o, "hotkey=ctrl-alt-q"));
}

static void without_a_window_only_a_seat_of_its_own_will_do(void **state)
{
    assert_true(input_options_complete(&o, true));
    assert_false(input_options_any(&o));
    assert_true(input_take(&o, "libinput:seat=seat1,focus=always"));
    assert_true(input_options_complete(&o, true));
    assert_true(input_options_any(&o));
    assert_true(input_take(&o, "libinput:seat=seat2"));
    assert_false(input_options_complete(&o, true));
    set_up(state);
    assert_true(input_take(&o, "wayland"));
    assert_false(input_options_complete(&o, true));
}

static void what_is_wrong_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "x11",
        "libinput",
        "libinput:",
        "libinput:device=",
        "libinput:device=event5",
        "libinput:seat=",
        "libinput:grab",
        "libinput:device=/dev/input/event5,seat=seat0",
        "libinput:device=/a,device=/b",
        "libinput:seat=a,grab=yes",
        "libinput:seat=a,focus",
        "libinput:seat=a,focus=never",
        "libinput:seat=a,motion=fast",
        "libinput:seat=a,accel=custom",
        "libinput:seat=a,speed",
        "libinput:seat=a,speed=2",
        "libinput:seat=a,speed=nan",
        "libinput:seat=a,speed=0.5x",
        "libinput:seat=a,tap=perhaps",
        "libinput:seat=a,scroll=wheel",
        "libinput:seat=a,calibration=1:2:3:4:5",
        "libinput:seat=a,calibration=1:2:3:4:5:6:7",
        "libinput:seat=a,calibration=1:2:3:4:5:inf",
        "libinput:seat=a,calibration",
        "libinput:seat=a,colour=red",
    };
    char text[2000] = "libinput:device=/";
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        set_up(state);
        assert_false(input_take(&o, bad[i]));
    }
    memset(text + strlen(text), 'x', 300);
    assert_false(input_take(&o, text));
    memset(text + strlen(text), 'x', 1500);
    assert_false(input_take(&o, text));
}

static void there_is_room_for_so_many(void **state)
{
    for (unsigned i = 1; i < SOURCE_MAX_SPECS; i++)
        assert_true(input_take_evdev(&o, "/dev/input/event1"));
    assert_false(input_take_evdev(&o, "/dev/input/event1"));
    assert_true(input_take(&o, "auto"));
    assert_true(input_options_complete(&o, false));
    assert_int_equal(o.n, SOURCE_MAX_SPECS);
}

#define T(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_said_is_auto),
        T(auto_is_the_session_s_seat),
        T(named_devices_take_the_place_of_the_windows),
        T(sources_can_be_told_together),
        T(settings_are_taken),
        T(each_monitor_may_have_a_pointer),
        T(the_hotkey_has_names),
        T(without_a_window_only_a_seat_of_its_own_will_do),
        T(what_is_wrong_is_refused),
        T(there_is_room_for_so_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
