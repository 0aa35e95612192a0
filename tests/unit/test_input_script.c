// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <string.h>

#include "input/sink.h"
#include "tests/test.h"
#include "vmm/app/input_script.h"
#include "vmm/base/util.h"

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
    char wrong[64];
    said[0] = '\0';
    assert_true(input_script_run(text, &sink, wrong, sizeof(wrong)));
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
        char text[128], wrong[64];
        snprintf(text, sizeof(text), "tap:a %s tap:b", words[i]);
        said[0] = '\0';
        assert_false(input_script_run(text, &sink, wrong, sizeof(wrong)));
        assert_string_equal(wrong, words[i]);
        assert_string_equal(said, "");
    }
    char wrong[64];
    assert_false(input_script_run("  ", &sink, wrong, sizeof(wrong)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_what_a_person_does),
        cmocka_unit_test(what_makes_no_sense_is_named_and_nothing_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
