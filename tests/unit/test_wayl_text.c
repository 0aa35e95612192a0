// SPDX-License-Identifier: MIT
#include "tests/test.h"
#include "wl/text.h"

static void expect(const char *in, const char *out)
{
    char buffer[64];
    wayl_text_utf8(buffer, sizeof(buffer), in);
    assert_string_equal(buffer, out);
}

static void utf8_stays_as_it_is(void **state)
{
    expect("", "");
    expect("Grüße 日本 \xf0\x9f\x96\xa5", "Grüße 日本 \xf0\x9f\x96\xa5");
}

static void what_is_no_utf8_becomes_a_question_mark(void **state)
{
    expect("a\xff", "a?");
    expect("\xc3", "?");                /* ends early */
    expect("\xe2\x82", "??");           /* likewise */
    expect("\xc0\x80", "??");           /* longer than needed */
    expect("\xed\xa0\x80", "???");      /* a surrogate */
    expect("\xf4\x90\x80\x80", "????"); /* beyond U+10FFFF */
    expect("a\nb\x1b[", "a?b?[");
}

static void long_text_is_cut_between_characters(void **state)
{
    char out[5];
    wayl_text_utf8(out, sizeof(out), "abcdefg");
    assert_string_equal(out, "abcd");
    wayl_text_utf8(out, sizeof(out), "abcü");
    assert_string_equal(out, "abc");
    wayl_text_utf8(out, 1, "ü");
    assert_string_equal(out, "");
}

static void a_fourcc_prints_as_four_characters(void **state)
{
    char out[5];
    assert_string_equal(wayl_text_fourcc(out, 0x34325258), "XR24");
    assert_string_equal(wayl_text_fourcc(out, 0x00001b58), "X???");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_stays_as_it_is),
        cmocka_unit_test(what_is_no_utf8_becomes_a_question_mark),
        cmocka_unit_test(long_text_is_cut_between_characters),
        cmocka_unit_test(a_fourcc_prints_as_four_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
