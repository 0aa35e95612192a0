// SPDX-License-Identifier: MIT
#include <string.h>

#include "tests/test.h"
#include "tests/unit/dev_bed.h"
#include "vmm/virtio/rng.h"

static struct dev_bed bed;
static struct virtio_dev *dev;

static int set_up(void **state)
{
    dev_bed_init(&bed);
    dev = virtio_rng_create(bed.loop);
    dev_bed_start(&bed, dev, 0, 16);
    return 0;
}

static int tear_down(void **state)
{
    dev_bed_stop(&bed);
    virtio_rng_destroy(dev);
    dev_bed_finish(&bed);
    return 0;
}

/* How many of the bytes are not the filler. */
static unsigned changed(uint64_t gpa, unsigned len)
{
    const uint8_t *p = guest_mem_ptr(&bed.mem, gpa, len);
    unsigned n = 0;
    for (unsigned i = 0; i < len; i++)
        n += p[i] != 0xa5;
    return n;
}

static void buffers_are_filled_to_their_last_byte(void **state)
{
    const struct ring_buf buf[] = { { DEV_BED_DATA, 64, true },
                                    { DEV_BED_DATA + 1000, 100, true } };
    uint32_t len;
    memset(guest_mem_ptr(&bed.mem, DEV_BED_DATA, 4096), 0xa5, 4096);
    ring_add(&bed.ring, buf, 2);
    dev_bed_kick(&bed);
    assert_true(ring_take(&bed.ring, &len) >= 0);
    assert_int_equal(len, 164);
    assert_true(changed(DEV_BED_DATA, 64) > 48);
    assert_true(changed(DEV_BED_DATA + 1000, 100) > 80);
    assert_int_equal(changed(DEV_BED_DATA + 64, 936), 0);
    assert_int_equal(changed(DEV_BED_DATA + 1100, 900), 0);
    assert_true(dev_bed_interrupted(&bed));
}

static void a_huge_buffer_gets_a_bounded_answer(void **state)
{
    const struct ring_buf buf = { DEV_BED_DATA, 8 * MIB, true };
    uint32_t len;
    ring_add(&bed.ring, &buf, 1);
    dev_bed_kick(&bed);
    assert_true(ring_take(&bed.ring, &len) >= 0);
    assert_int_equal(len, 4096);
}

static void a_buffer_to_read_from_gets_nothing(void **state)
{
    const struct ring_buf buf = { DEV_BED_DATA, 64, false };
    uint32_t len;
    memset(guest_mem_ptr(&bed.mem, DEV_BED_DATA, 64), 0xa5, 64);
    ring_add(&bed.ring, &buf, 1);
    dev_bed_kick(&bed);
    assert_true(ring_take(&bed.ring, &len) >= 0);
    assert_int_equal(len, 0);
    assert_int_equal(changed(DEV_BED_DATA, 64), 0);
}

static void a_malformed_chain_breaks_the_device(void **state)
{
    const struct ring_buf buf = { DEV_BED_RAM, 64, true };
    ring_add(&bed.ring, &buf, 1);
    dev_bed_kick(&bed);
    assert_int_equal(bed.n_broken, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(buffers_are_filled_to_their_last_byte),
        T(a_huge_buffer_gets_a_bounded_answer),
        T(a_buffer_to_read_from_gets_nothing),
        T(a_malformed_chain_breaks_the_device),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
