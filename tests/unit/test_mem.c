// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/mem.h"

static void ram_above_3_gib_goes_on_at_4_gib(void **state)
{
    struct guest_mem mem;
    assert_int_equal(guest_mem_create(&mem, 6 * GIB), 0);
    assert_int_equal(mem.n_regions, 2);
    assert_int_equal(mem.region[0].gpa, 0);
    assert_int_equal(mem.region[0].size, LAYOUT_LOW_RAM_END);
    assert_int_equal(mem.region[1].gpa, LAYOUT_HIGH_RAM_START);
    assert_int_equal(mem.region[1].size, 3 * GIB);

    assert_non_null(guest_mem_ptr(&mem, LAYOUT_LOW_RAM_END - 1, 1));
    assert_null(guest_mem_ptr(&mem, LAYOUT_LOW_RAM_END, 1));
    assert_null(guest_mem_ptr(&mem, LAYOUT_HIGH_RAM_START - 1, 1));
    assert_non_null(guest_mem_ptr(&mem, LAYOUT_HIGH_RAM_START, 1));
    assert_non_null(guest_mem_ptr(&mem, 7 * GIB - 1, 1));
    assert_null(guest_mem_ptr(&mem, 7 * GIB, 1));
    guest_mem_finish(&mem);
}

static void a_range_is_whole_in_ram_or_null(void **state)
{
    struct guest_mem mem;
    assert_int_equal(guest_mem_create(&mem, 2 * MIB), 0);
    assert_int_equal(mem.n_regions, 1);
    assert_non_null(guest_mem_ptr(&mem, 0, 2 * MIB));
    assert_null(guest_mem_ptr(&mem, 0, 2 * MIB + 1));
    assert_null(guest_mem_ptr(&mem, 1, 2 * MIB));
    assert_null(guest_mem_ptr(&mem, 4096, UINT64_MAX));
    assert_null(guest_mem_ptr(&mem, UINT64_MAX, 2));
    assert_null(guest_mem_ptr(&mem, UINT64_MAX - 1, UINT64_MAX));
    guest_mem_finish(&mem);
    assert_null(guest_mem_ptr(&mem, 0, 1));
}

static void both_regions_are_one_sealed_memfd(void **state)
{
    struct guest_mem mem;
    int fd;
    uint64_t offset;
    assert_int_equal(guest_mem_create(&mem, LAYOUT_LOW_RAM_END + MIB), 0);
    *(uint32_t *)guest_mem_ptr(&mem, LAYOUT_HIGH_RAM_START + 8192, 4) = 0x1234567;
    assert_true(guest_mem_locate(&mem, LAYOUT_HIGH_RAM_START + 8192, 4, &fd, &offset));
    assert_int_equal(offset, LAYOUT_LOW_RAM_END + 8192);

    /* The same file behind the low region's fd. */
    uint32_t value = 0;
    assert_int_equal(fd_pread_full(mem.region[0].fd, &value, 4, offset), 0);
    assert_int_equal(value, 0x1234567);
    assert_int_equal(fcntl(fd, F_GET_SEALS) & F_SEAL_SHRINK, F_SEAL_SHRINK);
    assert_false(guest_mem_locate(&mem, LAYOUT_LOW_RAM_END - 2, 4, &fd, &offset));
    guest_mem_finish(&mem);
}

static void refuses_bad_regions_and_closes_their_fd(void **state)
{
    struct guest_mem mem = { 0 };
    static const struct {
        uint64_t gpa, size, fd_offset, user_addr;
    } bad[] = {
        { 0x1000, 0, 0, 0 },
        { 0x1001, 0x1000, 0, 0 },
        { 0x1000, 0x1001, 0, 0 },
        { 0x1000, 0x1000, 0x800, 0 },
        { UINT64_MAX - 0xfff, 0x2000, 0, 0 },
        { 0x1000, 0x1000, UINT64_MAX - 0xfff, 0 },
        { 0x1000, 0x2000, 0, UINT64_MAX - 0xfff },
        { 0x100000, 0x1000, 0, 0 },  /* inside the one that is there */
        { 0xff000, 0x2000, 0, 0 },   /* over its start */
        { 0, 0x1000000, 0, 0 },      /* around it */
        { 0x1ff000, 0x10000, 0, 0 }, /* over its end */
    };
    assert_int_equal(guest_mem_add(&mem, MIB, MIB, fd_memfd_sealed("test", MIB), 0, 0), 0);
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        int fd = fd_memfd_sealed("test", MIB);
        assert_int_equal(
            guest_mem_add(&mem, bad[i].gpa, bad[i].size, fd, bad[i].fd_offset, bad[i].user_addr),
            -EINVAL);
        assert_int_equal(fcntl(fd, F_GETFD), -1);
    }
    for (unsigned i = 1; i < GUEST_MEM_MAX_REGIONS; i++)
        assert_int_equal(
            guest_mem_add(&mem, MIB + i * MIB, MIB, fd_memfd_sealed("test", MIB), 0, 0), 0);
    assert_int_equal(guest_mem_add(&mem, GIB, MIB, fd_memfd_sealed("test", MIB), 0, 0), -ENOSPC);
    guest_mem_finish(&mem);
}

static void refuses_odd_sizes_of_ram(void **state)
{
    struct guest_mem mem;
    assert_int_equal(guest_mem_create(&mem, 0), -EINVAL);
    assert_int_equal(guest_mem_create(&mem, MIB - 4096), -EINVAL);
    assert_int_equal(guest_mem_create(&mem, MIB + 1), -EINVAL);
}

/* A machine with none of them set aside says so, one with some has them. */
static void huge_pages_are_had_or_refused(void **state)
{
    struct guest_mem mem;
    int err = guest_mem_create_huge(&mem, 4 * MIB);
    assert_int_equal(guest_mem_create_huge(&(struct guest_mem){ 0 }, 3 * MIB), -EINVAL);
    if (err < 0) {
        assert_int_equal(err, -ENOMEM);
        assert_int_equal(mem.n_regions, 0);
        return;
    }
    memset(guest_mem_ptr(&mem, 0, 4 * MIB), 1, 4 * MIB);
    guest_mem_finish(&mem);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ram_above_3_gib_goes_on_at_4_gib),
        cmocka_unit_test(a_range_is_whole_in_ram_or_null),
        cmocka_unit_test(both_regions_are_one_sealed_memfd),
        cmocka_unit_test(refuses_bad_regions_and_closes_their_fd),
        cmocka_unit_test(refuses_odd_sizes_of_ram),
        cmocka_unit_test(huge_pages_are_had_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
