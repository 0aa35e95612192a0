// SPDX-License-Identifier: MIT
/* Guest pages behind resources, and the memfd ranges that they are. */
#include <errno.h>
#include <linux/virtio_gpu.h>
#include <string.h>

#include "gpu/backing.h"
#include "gpu/udmabuf.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/mem.h"

#define PAGE 4096ull
#define REGION (64 * PAGE)

/* Two regions that touch, in two files, the second at an offset. */
static int set_up(void **state)
{
    static struct guest_mem mem;
    mem = (struct guest_mem){ 0 };
    assert_int_equal(guest_mem_add(&mem, 0, REGION, fd_memfd_sealed("a", REGION), 0, 0), 0);
    assert_int_equal(
        guest_mem_add(&mem, REGION, REGION, fd_memfd_sealed("b", 2 * REGION), REGION, REGION), 0);
    *state = &mem;
    return 0;
}

static int tear_down(void **state)
{
    guest_mem_finish(*state);
    return 0;
}

static struct virtio_gpu_mem_entry entry(uint64_t addr, uint64_t len)
{
    return (struct virtio_gpu_mem_entry){ .addr = addr, .length = (uint32_t)len };
}

static void neighbours_are_joined_within_a_region(void **state)
{
    struct backing b;
    struct virtio_gpu_mem_entry e[] = {
        entry(PAGE, PAGE),          entry(2 * PAGE, PAGE), entry(5 * PAGE, PAGE),
        entry(REGION - PAGE, PAGE), entry(REGION, PAGE),   entry(REGION + PAGE, 8),
    };

    assert_int_equal(backing_init(&b, *state, e, ARRAY_LEN(e)), 0);
    assert_int_equal(b.n, 4);
    assert_int_equal(b.size, 5 * PAGE + 8);
    assert_int_equal(b.entry[0].len, 2 * PAGE);
    assert_int_equal(b.entry[3].start, 4 * PAGE);
    assert_int_equal(b.entry[3].len, PAGE + 8);
    backing_finish(&b);
}

static void what_is_not_ram_is_refused(void **state)
{
    struct backing b;
    struct virtio_gpu_mem_entry bad[] = {
        entry(2 * REGION, 1), entry(2 * REGION - 4, 8),
        entry(UINT64_MAX, 1), entry(UINT64_MAX - 5, 100),
        entry(0, 0),
    };

    for (unsigned i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(backing_init(&b, *state, &bad[i], 1), -EINVAL);
    assert_int_equal(backing_init(&b, *state, NULL, 0), 0);
    assert_int_equal(b.size, 0);
    char byte;
    assert_false(backing_read(&b, *state, 0, &byte, 1));
    assert_true(backing_read(&b, *state, 0, &byte, 0));
    backing_finish(&b);
}

static void reads_run_over_the_ends_of_entries(void **state)
{
    const struct guest_mem *mem = *state;
    struct backing b;
    struct virtio_gpu_mem_entry e[] = { entry(100, 3), entry(50, 4), entry(200, 5) };
    static const char text[] = "abcdefghijkl";
    char buf[12];

    memcpy(guest_mem_ptr(mem, 100, 3), "abc", 3);
    memcpy(guest_mem_ptr(mem, 50, 4), "defg", 4);
    memcpy(guest_mem_ptr(mem, 200, 5), "hijkl", 5);
    assert_int_equal(backing_init(&b, mem, e, 3), 0);
    for (unsigned from = 0; from <= 12; from++)
        for (unsigned len = 0; from + len <= 12; len++) {
            memset(buf, 0, sizeof(buf));
            assert_true(backing_read(&b, mem, from, buf, len));
            assert_memory_equal(buf, &text[from], len);
        }
    assert_false(backing_read(&b, mem, 12, buf, 1));
    assert_false(backing_read(&b, mem, 3, buf, 10));
    assert_false(backing_read(&b, mem, UINT64_MAX, buf, 2));
    backing_finish(&b);
}

static void rows_fit_or_do_not(void **state)
{
    assert_true(backing_rows_fit(100, 0, 40, 20, 3));
    assert_false(backing_rows_fit(99, 0, 40, 20, 3));
    assert_true(backing_rows_fit(100, 100, 40, 20, 0));
    assert_false(backing_rows_fit(UINT64_MAX, UINT64_MAX, 1, 1, 1));
    assert_false(backing_rows_fit(1ull << 40, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX));
    assert_true(backing_rows_fit(UINT64_MAX, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX));
}

static void ranges_join_pages_of_one_file(void **state)
{
    const struct guest_mem *mem = *state;
    struct udmabuf_range r[4];
    struct backing b;
    struct virtio_gpu_mem_entry e[] = {
        entry(0, PAGE),
        entry(PAGE, 3 * PAGE),
        entry(9 * PAGE, PAGE),
        entry(REGION + 3 * PAGE, PAGE),
        entry(REGION + 4 * PAGE, PAGE),
    };

    assert_int_equal(backing_init(&b, mem, e, ARRAY_LEN(e)), 0);
    assert_int_equal(udmabuf_ranges(&b, mem, r, ARRAY_LEN(r)), 3);
    assert_int_equal(r[0].size, 4 * PAGE);
    assert_int_equal(r[1].offset, 9 * PAGE);
    assert_int_equal(r[2].fd, mem->region[1].fd);
    assert_int_equal(r[2].offset, REGION + 3 * PAGE);
    assert_int_equal(r[2].size, 2 * PAGE);
    assert_int_equal(udmabuf_ranges(&b, mem, r, 2), -E2BIG);
    backing_finish(&b);
}

static void parts_of_pages_are_no_ranges(void **state)
{
    struct udmabuf_range r[4];
    struct backing b;
    struct virtio_gpu_mem_entry bad[] = { entry(8, PAGE), entry(PAGE, PAGE + 4), entry(0, 5) };

    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(backing_init(&b, *state, &bad[i], 1), 0);
        assert_int_equal(udmabuf_ranges(&b, *state, r, ARRAY_LEN(r)), -EINVAL);
        backing_finish(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(neighbours_are_joined_within_a_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_not_ram_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_run_over_the_ends_of_entries, set_up, tear_down),
        cmocka_unit_test(rows_fit_or_do_not),
        cmocka_unit_test_setup_teardown(ranges_join_pages_of_one_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(parts_of_pages_are_no_ranges, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
