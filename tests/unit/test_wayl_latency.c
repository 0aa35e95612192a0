// SPDX-License-Identifier: MIT
#include "tests/test.h"
#include "wl/latency.h"

static void nothing_has_no_percentiles(void **state)
{
    struct wayl_latency latency = { 0 };
    assert_int_equal(wayl_latency_percentile(&latency, 50), 0);
    assert_int_equal(wayl_latency_percentile(&latency, 100), 0);
}

static void a_percentile_is_at_most_an_eighth_too_large(void **state)
{
    for (uint64_t ns = 65536; ns < 16000000000ull; ns += ns / 50) {
        struct wayl_latency latency = { 0 };
        wayl_latency_add(&latency, ns);
        uint64_t said = wayl_latency_percentile(&latency, 50);
        assert_true(said >= ns && said <= ns + ns / 8 + 8192);
    }
}

static void percentiles_part_the_frames(void **state)
{
    struct wayl_latency latency = { 0 };
    for (unsigned i = 1; i <= 100; i++)
        wayl_latency_add(&latency, i * 1000000ull);
    for (unsigned percent = 1; percent <= 100; percent++) {
        uint64_t said = wayl_latency_percentile(&latency, percent);
        assert_true(said >= percent * 1000000ull && said <= percent * 1130000ull);
    }
    assert_int_equal(latency.count, 100);
}

static void what_is_out_of_range_is_counted_all_the_same(void **state)
{
    struct wayl_latency latency = { 0 };
    wayl_latency_add(&latency, 0);
    wayl_latency_add(&latency, UINT64_MAX);
    assert_int_equal(wayl_latency_percentile(&latency, 50), 65536);
    assert_true(wayl_latency_percentile(&latency, 100) > 16000000000ull);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_has_no_percentiles),
        cmocka_unit_test(a_percentile_is_at_most_an_eighth_too_large),
        cmocka_unit_test(percentiles_part_the_frames),
        cmocka_unit_test(what_is_out_of_range_is_counted_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
