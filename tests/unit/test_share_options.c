// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/test.h"
#include "vmm/app/share_options.h"
#include "vmm/base/util.h"

#define TAG_36 "0123456789abcdef0123456789abcdef0123"

static void a_share_is_a_tag_and_a_path(void **state)
{
    static struct shares_options o;
    assert_true(shares_take(&o, "home=/home/me,too=that"));
    assert_true(shares_take(&o, TAG_36 "=/"));
    assert_int_equal(o.n, 2);
    assert_string_equal(o.share[0].tag, "home");
    assert_string_equal(o.share[0].path, "/home/me,too=that");
    assert_string_equal(o.share[1].tag, TAG_36);
}

static void bad_words_are_refused(void **state)
{
    static const char *const bad[] = { "", "home", "=", "home=", "=/home", TAG_36 "4=/" };
    static struct shares_options o;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(shares_take(&o, bad[i]));
    assert_int_equal(o.n, 0);
}

static void a_tag_is_one_folders(void **state)
{
    static struct shares_options o;
    assert_true(shares_take(&o, "a=/tmp"));
    assert_false(shares_take(&o, "a=/home"));
    assert_true(shares_take(&o, "b=/tmp"));
    assert_true(shares_take(&o, "c=/tmp"));
    assert_true(shares_take(&o, "d=/tmp"));
    assert_false(shares_take(&o, "e=/tmp"));
    assert_int_equal(o.n, SHARE_OPTIONS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_a_tag_and_a_path),
        cmocka_unit_test(bad_words_are_refused),
        cmocka_unit_test(a_tag_is_one_folders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
