// SPDX-License-Identifier: MIT
/* What a guest's time stamp counter lacks after the host's sleep. */
#include "tests/test.h"
#include "vmm/core/x86/tsc.h"

#define KHZ 2100000u
#define MS 1000000ull
#define S (1000 * MS)
#define H (3600 * S)
#define TICKS(ns) ((ns) / MS * KHZ)

/* After so long, of which the counter saw so much. */
static uint64_t lacking(uint64_t tsc, uint64_t passed_ns, uint64_t counted)
{
    struct x86_tsc_mark then = { .tsc = tsc, .boot_ns = 77 * H };
    struct x86_tsc_mark now = { .tsc = tsc + counted, .boot_ns = 77 * H + passed_ns };
    return x86_tsc_lacking(&then, &now, KHZ);
}

static void a_sleep_that_was_not_counted_is_lacking(void **state)
{
    assert_int_equal(lacking(1000, 60 * S, 0), TICKS(60 * S));
    assert_int_equal(lacking(1000, 60 * S, TICKS(5 * S)), TICKS(55 * S));
    assert_int_equal(lacking(1000, 10 * S + 1, 0), TICKS(10 * S) + 2);
}

static void hours_of_hibernation_are_exact(void **state)
{
    assert_int_equal(lacking(1000, 100 * 24 * H, TICKS(2 * S)), TICKS(100 * 24 * H - 2 * S));
}

static void a_counter_that_went_on_lacks_nothing(void **state)
{
    assert_int_equal(lacking(1000, 8 * H, TICKS(8 * H)), 0);
    /* The clock is slewed, the frequency rounded. */
    assert_int_equal(lacking(1000, 8 * H, TICKS(8 * H) - TICKS(2 * S)), 0);
    assert_int_equal(lacking(1000, 0, 0), 0);
    assert_int_equal(lacking(1000, MS, 0), 0);
    assert_int_equal(lacking(1000, 2 * MS, TICKS(MS) + KHZ / 2), 0);
    assert_true(lacking(1000, 3 * MS, 0) > 0);
}

static void it_is_never_turned_back(void **state)
{
    assert_int_equal(lacking(1000, 60 * S, TICKS(61 * S)), 0);
    assert_int_equal(lacking(1000, 60 * S, TICKS(100 * H)), 0);
    struct x86_tsc_mark then = { .tsc = 5, .boot_ns = 2 * S }, now = { .tsc = 5, .boot_ns = S };
    assert_int_equal(x86_tsc_lacking(&then, &now, KHZ), 0);
}

static void a_counter_that_begins_anew_or_wraps_lacks_the_same(void **state)
{
    assert_int_equal(lacking(UINT64_MAX - 5, 60 * S, TICKS(S)), TICKS(59 * S));
    assert_int_equal(lacking(UINT64_MAX - 5, 60 * S, 0), TICKS(60 * S));
    /* The guest's went back by a second. */
    assert_int_equal(lacking(TICKS(9 * S), 60 * S, -TICKS(S)), TICKS(61 * S));
}

static void times_beyond_all_bounds_are_no_sleep(void **state)
{
    struct x86_tsc_mark then = { 0 }, now = { .tsc = 0, .boot_ns = UINT64_MAX };
    assert_int_equal(x86_tsc_lacking(&then, &now, UINT32_MAX), 0);
    assert_int_equal(x86_tsc_lacking(&then, &now, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sleep_that_was_not_counted_is_lacking),
        cmocka_unit_test(hours_of_hibernation_are_exact),
        cmocka_unit_test(a_counter_that_went_on_lacks_nothing),
        cmocka_unit_test(it_is_never_turned_back),
        cmocka_unit_test(a_counter_that_begins_anew_or_wraps_lacks_the_same),
        cmocka_unit_test(times_beyond_all_bounds_are_no_sleep),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
