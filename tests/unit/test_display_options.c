// SPDX-License-Identifier: MIT
#include "tests/test.h"
#include "vmm/app/display_options.h"
#include "vmm/base/util.h"

static enum options_result parse(struct display_options *o, const char *const *words)
{
    int argc = 0;
    while (words[argc])
        argc++;
    return display_options_parse(o, argc, (char **)words);
}

#define PARSE(o, ...) parse(o, (const char *const[]){ __VA_ARGS__, NULL })

static void the_graphics_cards_socket_is_enough(void **state)
{
    struct display_options o;
    assert_int_equal(PARSE(&o, "--gpu-socket", "gpu"), OPTIONS_OK);
    assert_string_equal(o.gpu_socket, "gpu");
    assert_int_equal(o.n_inputs, 0);
    assert_false(o.screen.headless);
    assert_int_equal(o.screen.width, 1280);
    assert_int_equal(o.screen.height, 800);
    assert_null(o.control_socket);
}

static void inputs_are_a_keyboard_and_then_a_tablet(void **state)
{
    struct display_options o;
    assert_int_equal(PARSE(&o, "--gpu-socket", "g", "--input-socket", "a", "--input-socket=b"),
                     OPTIONS_OK);
    assert_int_equal(o.n_inputs, 2);
    assert_string_equal(o.input[0].path, "a");
    assert_int_equal(o.input[0].device, GATE_KEYBOARD);
    assert_string_equal(o.input[1].path, "b");
    assert_int_equal(o.input[1].device, GATE_POINTER);
}

static void an_input_may_say_which_it_is(void **state)
{
    struct display_options o;
    assert_int_equal(PARSE(&o, "--gpu-socket", "g", "--input-socket", "a,device=tablet",
                           "--input-socket", "b,device=keyboard"),
                     OPTIONS_OK);
    assert_string_equal(o.input[0].path, "a");
    assert_int_equal(o.input[0].device, GATE_POINTER);
    assert_int_equal(o.input[1].device, GATE_KEYBOARD);
    assert_false(o.screen.input.touchscreen || o.screen.input.pen);
}

static void a_touchscreen_and_a_pen_are_there_for_their_sockets(void **state)
{
    struct display_options o;
    assert_int_equal(PARSE(&o, "--gpu-socket", "g", "--input-socket", "a,device=touchscreen",
                           "--input-socket", "b,device=pen", "--input-socket", "c"),
                     OPTIONS_OK);
    assert_true(o.screen.input.touchscreen && o.screen.input.pen);
    assert_int_equal(o.input[2].device, GATE_MOUSE);
}

static void each_monitor_may_have_a_tablet(void **state)
{
    struct display_options o;
    assert_int_equal(PARSE(&o, "--gpu-socket", "g", "--input-socket", "a,device=tablet1",
                           "--input-socket", "b,device=tablet4"),
                     OPTIONS_OK);
    assert_true(o.screen.input.each_pointer);
    assert_int_equal(o.input[0].device, GATE_SCANOUT_POINTER);
    assert_int_equal(o.input[1].device, GATE_SCANOUT_POINTER + 3);
}

static void the_screen_is_as_asked_for(void **state)
{
    struct display_options o;
    assert_int_equal(
        PARSE(&o, "--size", "800x600", "--name=debian", "--headless", "--gpu", "--gpu-socket", "g"),
        OPTIONS_OK);
    assert_int_equal(o.screen.width, 800);
    assert_int_equal(o.screen.height, 600);
    assert_string_equal(o.screen.name, "debian");
    assert_true(o.screen.headless);
    assert_string_equal(o.gpu_socket, "g");
}

static void without_a_mouse_no_pointer_is_locked(void **state)
{
    struct display_options o;
    static const char *const tablet[8] = { "--gpu-socket", "g", "--input-socket", "a" };
    static const char *const mouse[8] = { "--gpu-socket",   "g",         "--input-socket",
                                          "a,device=mouse", "--display", "lock-on-click" };
    assert_int_equal(parse(&o, tablet), OPTIONS_OK);
    assert_true(o.screen.confine);
    assert_int_equal(parse(&o, mouse), OPTIONS_OK);
    assert_false(o.screen.confine);
    assert_true(o.screen.lock_on_click);
}

static void bad_words_are_refused(void **state)
{
    static const char *const bad[][8] = {
        { "--headless" },
        { "--gpu-socket" },
        { "--gpu-socket", "g", "word" },
        { "--gpu-socket", "g", "--size", "800" },
        { "--gpu-socket", "g", "--cpus", "2" },
        { "--gpu-socket", "g", "--input-socket", "" },
        { "--gpu-socket", "g", "--input-socket", ",device=keyboard" },
        { "--gpu-socket", "g", "--input-socket", "a,device=joystick" },
        { "--gpu-socket", "g", "--input-socket", "a,tablet" },
        { "--gpu-socket", "g", "--input-socket", "a", "--input-socket", "b,device=keyboard" },
        { "--gpu-socket", "g", "--input-socket", "a", "--headless" },
        { "--gpu-socket", "g", "--input-socket", "a,device=tablet0" },
        { "--gpu-socket", "g", "--input-socket", "a,device=tablet5" }, /* --display max= is 4 */
        { "--gpu-socket", "g", "--input-socket", "a,device=tablet17", "--display", "max=16" },
        { "--gpu-socket", "g", "--input-socket", "a,device=tablet", "--input", "pointers=each" },
        { "--gpu-socket", "g", "--input-socket", "a,device=tablet", "--input-socket",
          "b,device=tablet1" },
        { "--gpu-socket", "g", "--input-socket", "a", "--display", "lock-on-click" },
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct display_options o;
        assert_int_equal(parse(&o, bad[i]), OPTIONS_BAD);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_graphics_cards_socket_is_enough),
        cmocka_unit_test(inputs_are_a_keyboard_and_then_a_tablet),
        cmocka_unit_test(an_input_may_say_which_it_is),
        cmocka_unit_test(a_touchscreen_and_a_pen_are_there_for_their_sockets),
        cmocka_unit_test(each_monitor_may_have_a_tablet),
        cmocka_unit_test(the_screen_is_as_asked_for),
        cmocka_unit_test(without_a_mouse_no_pointer_is_locked),
        cmocka_unit_test(bad_words_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
