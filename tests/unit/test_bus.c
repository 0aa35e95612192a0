// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/test.h"
#include "vmm/base/util.h"
#include "vmm/core/bus.h"

struct device {
    struct bus_range range;
    uint64_t offset, value;
    unsigned len, reads, writes;
};

static void device_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct device *d = container_of(range, struct device, range);
    d->offset = offset;
    d->len = len;
    d->reads++;
    if (d->value)
        memcpy(data, &d->value, len);
}

static void device_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct device *d = container_of(range, struct device, range);
    d->offset = offset;
    d->len = len;
    d->value = 0;
    memcpy(&d->value, data, len);
    d->writes++;
}

static const struct bus_ops ops = { "device", device_read, device_write };

static void finds_the_range_of_an_address(void **state)
{
    struct bus bus = { 0 };
    struct device d[4] = { 0 };
    uint32_t value = 0xabcd;
    /* In an order that is not theirs. */
    bus_add(&bus, &d[2].range, 0x300, 0x10, &ops);
    bus_add(&bus, &d[0].range, 0x100, 0x10, &ops);
    bus_add(&bus, &d[3].range, UINT64_MAX - 0xf, 0x10, &ops);
    bus_add(&bus, &d[1].range, 0x110, 0x10, &ops);

    for (unsigned i = 0; i < 4; i++) {
        assert_true(bus_write(&bus, d[i].range.base + 4, &value, 4));
        assert_int_equal(d[i].writes, 1);
        assert_int_equal(d[i].offset, 4);
        assert_int_equal(d[i].len, 4);
        uint32_t back = 0;
        assert_true(bus_read(&bus, d[i].range.base + 12, &back, 4));
        assert_int_equal(back, value);
        assert_int_equal(d[i].offset, 12);
    }
}

static void an_address_without_a_device_reads_all_ones(void **state)
{
    struct bus bus = { 0 };
    struct device d = { 0 };
    uint64_t value = 0;
    assert_false(bus_read(&bus, 0x100, &value, 8));
    assert_true(value == UINT64_MAX);
    bus_add(&bus, &d.range, 0x100, 0x10, &ops);
    value = 0;
    assert_false(bus_read(&bus, 0xff, &value, 1));
    assert_int_equal(value, 0xff);
    assert_false(bus_write(&bus, 0x110, &value, 1));
    /* Nor one that a device does not set. */
    value = 0;
    assert_true(bus_read(&bus, 0x104, &value, 2));
    assert_int_equal(value, 0xffff);
}

static void an_access_over_the_end_reaches_no_device(void **state)
{
    struct bus bus = { 0 };
    struct device d[2] = { 0 };
    uint64_t value = 0;
    bus_add(&bus, &d[0].range, 0x100, 0x10, &ops);
    bus_add(&bus, &d[1].range, 0x110, 0x10, &ops);
    assert_false(bus_read(&bus, 0x10e, &value, 4));
    assert_false(bus_write(&bus, 0x11c, &value, 8));
    assert_int_equal(d[0].reads + d[1].writes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_range_of_an_address),
        cmocka_unit_test(an_address_without_a_device_reads_all_ones),
        cmocka_unit_test(an_access_over_the_end_reaches_no_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
