// SPDX-License-Identifier: MIT
/* When a GPU process counts as hung, and its deaths as too many. The rings are played. */
#include <string.h>

#include "tests/test.h"
#include "vmm/app/gpu_deaths.h"
#include "vmm/app/gpu_watchdog.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/vhost_user_frontend.h"

#define SECOND_NS 1000000000ull

static struct {
    bool runs, busy, works;
    uint16_t used;
    unsigned looks;
} ring[GPU_WATCHDOG_QUEUES];

bool vhost_user_frontend_progress(const struct vhost_user_frontend *frontend, unsigned queue,
                                  uint16_t *used, bool *busy)
{
    ring[queue].looks++;
    ring[queue].used += ring[queue].works;
    *used = ring[queue].used;
    *busy = ring[queue].busy;
    return ring[queue].runs;
}

static unsigned n_hangs;

static void hangs(struct gpu_watchdog *watchdog)
{
    n_hangs++;
}

/* Looks so often, and says how often the process was found to hang. */
static unsigned look(unsigned n)
{
    struct loop *loop = loop_create();
    struct gpu_watchdog w;

    n_hangs = ring[0].looks = 0;
    assert_int_equal(gpu_watchdog_init(&w, loop, NULL, 1, hangs), 0);
    gpu_watchdog_start(&w);
    while (ring[0].looks < n && n_hangs == 0)
        loop_run_once(loop, 5000);
    gpu_watchdog_finish(&w);
    loop_destroy(loop);
    return n_hangs;
}

static void a_process_hangs_that_uses_nothing_while_there_is_work(void **state)
{
    memset(ring, 0, sizeof(ring));
    ring[1].runs = ring[1].busy = true; /* one queue is enough */
    assert_int_equal(look(100), 1);
    assert_int_equal(ring[0].looks, 5); /* the first look and a second's four */
}

static void one_that_works_or_waits_does_not(void **state)
{
    memset(ring, 0, sizeof(ring));
    ring[0].runs = ring[0].busy = ring[0].works = true;
    ring[0].used = 65533; /* it wraps */
    ring[1].runs = true;
    assert_int_equal(look(7), 0);
}

static void zero_seconds_are_for_ever(void **state)
{
    struct loop *loop = loop_create();
    struct gpu_watchdog w;

    ring[0].looks = 0;
    assert_int_equal(gpu_watchdog_init(&w, loop, NULL, 0, hangs), 0);
    gpu_watchdog_start(&w);
    loop_run_once(loop, 300);
    assert_int_equal(ring[0].looks, 0);
    gpu_watchdog_finish(&w);
    loop_destroy(loop);
}

static void three_deaths_in_a_minute_are_told_from_three_in_two(void **state)
{
    struct gpu_deaths deaths = { { 0 }, 0 };
    assert_false(gpu_deaths_too_many(&deaths, 3, 1 * SECOND_NS));
    assert_false(gpu_deaths_too_many(&deaths, 3, 40 * SECOND_NS));
    assert_false(gpu_deaths_too_many(&deaths, 3, 70 * SECOND_NS)); /* the first is over */
    assert_true(gpu_deaths_too_many(&deaths, 3, 71 * SECOND_NS));
    assert_true(gpu_deaths_too_many(&deaths, 3, 72 * SECOND_NS));
    assert_false(gpu_deaths_too_many(&deaths, 3, 500 * SECOND_NS));
}

static void deaths_may_be_limited_to_one_and_to_the_most_that_are_known_or_not_at_all(void **state)
{
    struct gpu_deaths one = { { 0 }, 0 }, most = one, any = one;
    for (uint64_t i = 1; i <= 3 * GPU_DEATHS_MAX; i++) {
        assert_true(gpu_deaths_too_many(&one, 1, i * 100 * SECOND_NS));
        assert_int_equal(gpu_deaths_too_many(&most, GPU_DEATHS_MAX, i * SECOND_NS),
                         i >= GPU_DEATHS_MAX);
        assert_false(gpu_deaths_too_many(&any, 0, i));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_hangs_that_uses_nothing_while_there_is_work),
        cmocka_unit_test(one_that_works_or_waits_does_not),
        cmocka_unit_test(zero_seconds_are_for_ever),
        cmocka_unit_test(three_deaths_in_a_minute_are_told_from_three_in_two),
        cmocka_unit_test(deaths_may_be_limited_to_one_and_to_the_most_that_are_known_or_not_at_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
