// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/test.h"
#include "vmm/base/iov.h"

static char text[] = "abcdefghij";
static const struct iovec pieces[] = {
    { text, 3 }, { text + 3, 0 }, { text + 3, 4 }, { text + 7, 3 }
};

static void reads_across_pieces_from_any_offset(void **state)
{
    for (size_t offset = 0; offset <= 10; offset++) {
        char out[11] = "";
        size_t n = iov_read(pieces, 4, offset, out, 10);
        assert_int_equal(n, 10 - offset);
        assert_memory_equal(out, text + offset, n);
    }
}

static void reads_nothing_past_the_end(void **state)
{
    char out[4];
    assert_int_equal(iov_read(pieces, 4, 10, out, 4), 0);
    assert_int_equal(iov_read(pieces, 4, 100, out, 4), 0);
}

static void writes_land_where_they_should(void **state)
{
    char a[3] = "...", b[4] = "....";
    struct iovec to[] = { { a, 3 }, { b, 4 } };
    assert_int_equal(iov_write(to, 2, 2, "XYZ", 3), 3);
    assert_memory_equal(a, "..X", 3);
    assert_memory_equal(b, "YZ..", 4);
    assert_int_equal(iov_write(to, 2, 6, "QRS", 3), 1);
}

static void slice_describes_the_same_bytes(void **state)
{
    struct iovec out[4];
    int n = iov_slice(pieces, 4, 2, 6, out, 4);
    assert_int_equal(n, 3);
    assert_int_equal(iov_size(out, 3), 6);
    char bytes[6];
    iov_read(out, 3, 0, bytes, 6);
    assert_memory_equal(bytes, "cdefgh", 6);
}

static void slice_refuses_what_does_not_fit(void **state)
{
    struct iovec out[4];
    assert_int_equal(iov_slice(pieces, 4, 5, 6, out, 4), -1);
    assert_int_equal(iov_slice(pieces, 4, 2, 6, out, 2), -1);
}

static void size_saturates(void **state)
{
    struct iovec huge[] = { { NULL, SIZE_MAX }, { NULL, 2 } };
    assert_int_equal(iov_size(huge, 2), SIZE_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_across_pieces_from_any_offset),
        cmocka_unit_test(reads_nothing_past_the_end),
        cmocka_unit_test(writes_land_where_they_should),
        cmocka_unit_test(slice_describes_the_same_bytes),
        cmocka_unit_test(slice_refuses_what_does_not_fit),
        cmocka_unit_test(size_saturates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
