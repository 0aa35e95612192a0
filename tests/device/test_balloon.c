// SPDX-License-Identifier: MIT
#include <linux/virtio_balloon.h>
#include <stdlib.h>
#include <string.h>

#include "tests/device/driver.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/balloon.h"

#define PAGE 4096u
#define INFLATE 0
#define DEFLATE 1
#define REPORT 2

struct fixture {
    struct virtio_dev *dev;
    struct driver *d;
};

static struct virtio_dev *create(struct loop *loop, void *data)
{
    struct fixture *f = data;
    return f->dev = virtio_balloon_create(loop);
}

static void destroy(struct virtio_dev *dev, void *data)
{
    virtio_balloon_destroy(dev);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    const struct host_model model = { create, destroy, f };
    log_set_level(LOG_ERROR);
    f->d = driver_host(&model);
    driver_up(f->d, ~0ull, 3, 64);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    driver_destroy(f->d);
    free(f);
    return 0;
}

/* n pages that are full of something. */
static uint64_t pages(struct fixture *f, unsigned n, bool high)
{
    uint64_t gpa =
        high ? driver_alloc_high(f->d, n * PAGE, PAGE) : driver_alloc(f->d, n * PAGE, PAGE);
    memset(driver_ptr(f->d, gpa), 0xa5, n * PAGE);
    return gpa;
}

/* Which of the pages are empty, as a string of '.' and '#'. */
static void check_pages(struct fixture *f, uint64_t gpa, const char *expected)
{
    char got[65] = { 0 };
    for (unsigned i = 0; expected[i]; i++) {
        const uint8_t *page = driver_ptr(f->d, gpa + i * PAGE);
        bool empty = page[0] == 0 && memcmp(page, page + 1, PAGE - 1) == 0;
        got[i] = empty ? '.' : page[0] == 0xa5 && page[PAGE - 1] == 0xa5 ? '#' : '?';
    }
    assert_string_equal(got, expected);
}

static void send_pfns(struct fixture *f, unsigned queue, const uint32_t *pfn, unsigned n)
{
    assert_int_equal(driver_request(f->d, queue, pfn, n * sizeof(*pfn), NULL, 0), 0);
}

static void pages_in_the_balloon_are_given_back(void **state)
{
    struct fixture *f = *state;
    struct virtio_balloon_stats stats;
    uint64_t low = pages(f, 12, false), high = pages(f, 2, true);
    uint32_t a = (uint32_t)(low / PAGE), b = (uint32_t)(high / PAGE);
    const uint32_t pfn[] = { a + 1, a + 2, a + 3, a + 9, a + 8, a + 7, a + 5, b + 1 };
    send_pfns(f, INFLATE, pfn, ARRAY_LEN(pfn));
    check_pages(f, low, "#...#.#...##");
    check_pages(f, high, "#.");
    virtio_balloon_stats(f->dev, &stats);
    assert_int_equal(stats.inflated, 8 * PAGE);
    assert_int_equal(stats.reported, 0);
    send_pfns(f, DEFLATE, pfn, ARRAY_LEN(pfn));
    memset(driver_ptr(f->d, low), 0xa5, PAGE * 12);
    check_pages(f, low, "############");
}

static void pages_that_are_not_there_are_passed_over(void **state)
{
    struct fixture *f = *state;
    uint64_t low = pages(f, 3, false);
    uint32_t a = (uint32_t)(low / PAGE);
    const uint32_t pfn[] = { 0xffffffff, 0, DRIVER_RAM_SIZE / 2 / PAGE, a + 1, 0xffffffff };
    send_pfns(f, INFLATE, pfn + 2, 3);
    check_pages(f, low, "#.#");
    send_pfns(f, INFLATE, pfn, 1);
    /* Half a number, and none. */
    assert_int_equal(driver_request(f->d, INFLATE, pfn, 2, NULL, 0), 0);
    check_pages(f, low, "#.#");
}

static void free_pages_are_given_back_whole(void **state)
{
    struct fixture *f = *state;
    struct virtio_balloon_stats stats;
    uint64_t low = pages(f, 8, false), high = pages(f, 8, true);
    const struct driver_buffer buffers[] = {
        { low + PAGE, 3 * PAGE, true },
        { high + 100, 3 * PAGE, true }, /* two whole pages of it */
        { high + 6 * PAGE + 1, PAGE, true },
    };
    assert_true(driver_add(f->d, REPORT, buffers, 3, false) >= 0);
    driver_kick(f->d, REPORT);
    assert_true(driver_used(f->d, REPORT, DRIVER_TIMEOUT_MS, NULL, NULL));
    check_pages(f, low, "#...####");
    check_pages(f, high, "#..#####");
    virtio_balloon_stats(f->dev, &stats);
    assert_int_equal(stats.reported, 5 * PAGE);
}

static void set_target(void *data)
{
    struct fixture *f = data;
    virtio_balloon_set_target(f->dev, 7 * PAGE + 5);
}

static void the_target_is_told_and_the_answer_kept(void **state)
{
    struct fixture *f = *state;
    struct virtio_balloon_stats stats;
    uint32_t config[2], actual = 6;
    driver_get_config(f->d, 0, config, sizeof(config));
    assert_int_equal(config[0], 0);
    driver_call(f->d, set_target, f);
    assert_true(driver_wait_config_change(f->d, DRIVER_TIMEOUT_MS));
    driver_get_config(f->d, 0, config, sizeof(config));
    assert_int_equal(config[0], 7);
    driver_set_config(f->d, sizeof(uint32_t), &actual, sizeof(actual));
    driver_get_config(f->d, 0, config, sizeof(config));
    assert_int_equal(config[1], 6);
    virtio_balloon_stats(f->dev, &stats);
    assert_int_equal(stats.held, 6 * PAGE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(pages_in_the_balloon_are_given_back),
        T(pages_that_are_not_there_are_passed_over),
        T(free_pages_are_given_back_whole),
        T(the_target_is_told_and_the_answer_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
