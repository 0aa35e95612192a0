// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "input/sink.h"
#include "tests/test.h"
#include "vmm/app/input_script.h"
#include "vmm/base/util.h"

#define MONITORS (1 << 0 | 1 << 1 | 1 << 15)

static char said[1024];

#define SAY(...) snprintf(said + strlen(said), sizeof(said) - strlen(said), __VA_ARGS__)

static void key(struct input_sink *sink, uint32_t code, bool pressed)
{
    SAY("key %u %d ", code, pressed);
}

static void button(struct input_sink *sink, uint32_t code, bool pressed)
{
    SAY("button %u %d ", code, pressed);
}

static void abs_to(struct input_sink *sink, unsigned scanout, double x, double y)
{
    SAY("abs %u %.2f %.2f ", scanout, x, y);
}

static void rel(struct input_sink *sink, double dx, double dy, double raw_dx, double raw_dy)
{
    SAY("rel %.1f %.1f ", dx, dy);
}

static void wheel(struct input_sink *sink, int32_t horizontal, int32_t vertical)
{
    SAY("wheel %d %d ", horizontal, vertical);
}

static void frame(struct input_sink *sink)
{
    SAY("| ");
}

static const struct input_sink_ops ops = {
    .key = key, .button = button, .abs = abs_to, .rel = rel, .wheel = wheel, .frame = frame
};
static struct input_sink sink = { &ops };

static void expect(const char *text, const char *what)
{
    char error[256];
    said[0] = '\0';
    assert_true(input_script_run(text, &sink, MONITORS, error, sizeof(error)));
    assert_string_equal(said, what);
}

static void words_are_what_a_person_does(void **state)
{
    expect("tap:a", "key 30 1 | key 30 0 | | ");
    expect("tap:leftctrl+c", "key 29 1 | key 46 1 | key 46 0 | key 29 0 | | ");
    expect(" down:leftshift  tap:1 up:leftshift ", "key 42 1 | key 2 1 | key 2 0 | | key 42 0 | ");
    expect("tap:btn-left", "button 272 1 | button 272 0 | | ");
    expect("down:183", "key 183 1 | ");
    expect("at:0.5,1", "abs 0 0.50 1.00 | ");
    expect("at:0,0.25,2", "abs 1 0.00 0.25 | ");
    expect("move:-10,2.5", "rel -10.0 2.5 | ");
    expect("wheel:0,-1", "wheel 0 -120 | ");
}

static void what_makes_no_sense_is_named_and_nothing_is_done(void **state)
{
    static const char *const words[] = {
        "tap:",        "tap:hyper",
        "tap",         "tap:a+b+c+d+e+f+g+h+i",
        "down:a+b",    "down:00",
        "down:99999",  "at:0.5",
        "at:2,0",      "at:0,0,0",
        "at:0,0,17",   "at:0,0,1.5",
        "at:nan,0",    "at:0,0,1,1",
        "move:1",      "move:1e300,0",
        "move:1,2,3",  "move:one,two",
        "wheel:1",     "wheel:1000,0",
        "dance:tango", ":",
        "at:-1,0",     "up:",
        "move:1,2x",
    };
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        char text[128], error[256], quoted[64];
        snprintf(text, sizeof(text), "tap:a %s tap:b", words[i]);
        said[0] = '\0';
        assert_false(input_script_run(text, &sink, MONITORS, error, sizeof(error)));
        snprintf(quoted, sizeof(quoted), "can't use '%s'; input is tap:", words[i]);
        assert_ptr_equal(strstr(error, quoted), error);
        assert_string_equal(said, "");
    }
    char error[256];
    assert_false(input_script_run("  ", &sink, MONITORS, error, sizeof(error)));
    assert_non_null(strstr(error, "input is tap:"));
}

static void a_monitor_that_is_not_there_is_an_error_that_says_which_are(void **state)
{
    char error[256];
    said[0] = '\0';
    assert_false(input_script_run("tap:a at:0,1,3 tap:b", &sink, MONITORS, error, sizeof(error)));
    assert_string_equal(error, "can't use 'at:0,1,3': there is no monitor 3, but 1, 2, 16");
    assert_false(input_script_run("at:0,1", &sink, 1 << 1, error, sizeof(error)));
    assert_string_equal(error, "can't use 'at:0,1': there is no monitor 1, but 2");
    assert_false(input_script_run("at:0,1", &sink, 0, error, sizeof(error)));
    assert_string_equal(error, "can't use 'at:0,1': there is no monitor 1, but none");
    assert_string_equal(said, "");
    expect("at:0,1,16", "abs 15 0.00 1.00 | ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_a_person_does),
        cmocka_unit_test(what_makes_no_sense_is_named_and_nothing_is_done),
        cmocka_unit_test(a_monitor_that_is_not_there_is_an_error_that_says_which_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
