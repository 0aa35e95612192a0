// SPDX-License-Identifier: MIT
/* The disk as its driver sees it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/unit/blk_bed.h"
#include "vmm/virtio/blk.h"

static void the_configuration_describes_the_disk(void **state)
{
    struct blk_bed *bed = *state;
    struct virtio_blk_config config;
    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.capacity, DISK_SIZE / 512);
    assert_int_equal(config.blk_size, 512);
    assert_int_equal(config.seg_max, bed->dev->queue_size[0] - 2);
    assert_int_equal(config.num_queues, 2);
    assert_int_equal(config.max_discard_seg, 1);
    assert_int_equal(config.discard_sector_alignment, 2);
    uint64_t beyond = 5;
    bed->dev->ops->get_config(bed->dev, sizeof(config), &beyond, sizeof(beyond));
    assert_int_equal(beyond, 0);
    assert_false(bed->dev->offered & 1ull << VIRTIO_BLK_F_RO);
}

static void sectors_are_read_and_written(void **state)
{
    struct blk_bed *bed = *state;
    uint32_t written;
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, 3, 4096, true, &written),
                     VIRTIO_BLK_S_OK);
    assert_int_equal(written, 4097);
    assert_memory_equal(blk_bed_ram(bed, BUFFER_GPA), bed->disk + 3 * 512, 4096);

    memset(blk_bed_ram(bed, BUFFER_GPA), 0x5a, 1024);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_OUT, 7, 1024, false, &written),
                     VIRTIO_BLK_S_OK);
    assert_int_equal(written, 1);
    assert_memory_equal(blk_bed_ram(bed, BUFFER_GPA), bed->disk + 7 * 512, 1024);
    assert_int_not_equal(bed->disk[9 * 512], 0x5a);
}

static void what_was_done_is_counted(void **state)
{
    struct blk_bed *bed = *state;
    struct virtio_blk_stats stats;
    blk_bed_request(bed, VIRTIO_BLK_T_IN, 3, 4096, true, NULL);
    blk_bed_request(bed, VIRTIO_BLK_T_OUT, 7, 1024, false, NULL);
    blk_bed_request(bed, VIRTIO_BLK_T_OUT, DISK_SIZE / 512, 1024, false,
                    NULL); /* nothing comes of it */
    const struct ring_buf flush[] = { { HEADER_GPA, 16, false }, { STATUS_GPA, 1, true } };
    blk_bed_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    assert_int_equal(blk_bed_send(bed, flush, 2, NULL), VIRTIO_BLK_S_OK);
    virtio_blk_stats(bed->dev, &stats);
    assert_int_equal(stats.reads, 1);
    assert_int_equal(stats.bytes_read, 4096);
    assert_int_equal(stats.writes, 1);
    assert_int_equal(stats.bytes_written, 1024);
    assert_int_equal(stats.flushes, 1);
    assert_int_equal(stats.errors, 0);
}

static void a_request_may_be_cut_anywhere(void **state)
{
    struct blk_bed *bed = *state;
    /* The header in two pieces and the end of it with the data; the status behind the data. */
    struct ring_buf write[] = { { HEADER_GPA, 5, false },
                                { HEADER_GPA + 5, 11 + 100, false },
                                { BUFFER_GPA, 412, false },
                                { STATUS_GPA, 1, true } };
    blk_bed_header(bed, VIRTIO_BLK_T_OUT, 2);
    memset(blk_bed_ram(bed, HEADER_GPA + 16), 'h', 100);
    memset(blk_bed_ram(bed, BUFFER_GPA), 'b', 412);
    assert_int_equal(blk_bed_send(bed, write, 4, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->disk[2 * 512 + 99], 'h');
    assert_int_equal(bed->disk[2 * 512 + 100], 'b');

    struct ring_buf read[] = { { HEADER_GPA, 16, false },
                               { BUFFER_GPA, 500, true },
                               { STATUS_GPA - 12, 13, true } };
    blk_bed_header(bed, VIRTIO_BLK_T_IN, 2);
    assert_int_equal(blk_bed_send(bed, read, 3, NULL), VIRTIO_BLK_S_OK);
    assert_memory_equal(blk_bed_ram(bed, BUFFER_GPA), bed->disk + 2 * 512, 500);
    assert_memory_equal(blk_bed_ram(bed, STATUS_GPA - 12), bed->disk + 2 * 512 + 500, 12);
}

static void what_is_not_whole_sectors_of_the_disk_is_refused(void **state)
{
    struct blk_bed *bed = *state;
    const uint64_t last = DISK_SIZE / 512 - 1;
    const struct {
        uint64_t sector;
        uint32_t len;
    } bad[] = { { 0, 511 },          { 0, 513 },
                { last, 1024 },      { last + 1, 512 },
                { UINT64_MAX, 512 }, { UINT64_MAX / 512, 512 },
                { 1ull << 55, 512 }, { (1ull << 55) - 1, 512 } };
    uint8_t before[512];
    memcpy(before, bed->disk, sizeof(before));
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        uint32_t written;
        assert_int_equal(
            blk_bed_request(bed, VIRTIO_BLK_T_IN, bad[i].sector, bad[i].len, true, &written),
            VIRTIO_BLK_S_IOERR);
        assert_int_equal(written, 0);
        assert_int_equal(
            blk_bed_request(bed, VIRTIO_BLK_T_OUT, bad[i].sector, bad[i].len, false, &written),
            VIRTIO_BLK_S_IOERR);
    }
    assert_int_equal(bed->n_writes, 0);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, last, 512, true, NULL), VIRTIO_BLK_S_OK);
}

static void a_host_error_is_an_io_error(void **state)
{
    struct blk_bed *bed = *state;
    bed->fail = -ENOSPC;
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL),
                     VIRTIO_BLK_S_IOERR);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_IOERR);
    bed->fail = 0;
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->base.n_broken, 0);
}

static void flush_flushes(void **state)
{
    struct blk_bed *bed = *state;
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false }, { STATUS_GPA, 1, true } };
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 0);
    blk_bed_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    assert_int_equal(blk_bed_send(bed, buf, 2, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 1);
    bed->fail = -EIO;
    blk_bed_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    assert_int_equal(blk_bed_send(bed, buf, 2, NULL), VIRTIO_BLK_S_IOERR);
}

static void a_driver_that_cannot_flush_writes_through(void **state)
{
    struct blk_bed *bed = *state;
    blk_bed_stop(bed);
    blk_bed_start(bed, false, 1ull << VIRTIO_BLK_F_FLUSH);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 1);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 1);
}

static void get_id_gives_at_most_20_bytes(void **state)
{
    struct blk_bed *bed = *state;
    uint32_t written;
    memset(blk_bed_ram(bed, BUFFER_GPA), '.', 32);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_GET_ID, 0, 32, true, &written),
                     VIRTIO_BLK_S_OK);
    assert_int_equal(written, 21);
    assert_memory_equal(blk_bed_ram(bed, BUFFER_GPA), "a disk of more than ....", 24);
    memset(blk_bed_ram(bed, BUFFER_GPA), '.', 32);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_GET_ID, 0, 4, true, &written),
                     VIRTIO_BLK_S_OK);
    assert_memory_equal(blk_bed_ram(bed, BUFFER_GPA), "a di....", 8);
}

static void an_unknown_request_is_unsupported(void **state)
{
    struct blk_bed *bed = *state;
    assert_int_equal(blk_bed_request(bed, 99, 0, 512, true, NULL), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_SECURE_ERASE, 0, 16, false, NULL),
                     VIRTIO_BLK_S_UNSUPP);
}

static uint8_t erase(struct blk_bed *bed, uint32_t type, uint64_t sector, uint32_t n,
                     uint32_t flags)
{
    struct virtio_blk_discard_write_zeroes range = { .sector = sector,
                                                     .num_sectors = n,
                                                     .flags = flags };
    memcpy(blk_bed_ram(bed, BUFFER_GPA), &range, sizeof(range));
    return blk_bed_request(bed, type, 0, sizeof(range), false, NULL);
}

static void ranges_are_discarded_and_zeroed(void **state)
{
    struct blk_bed *bed = *state;
    const uint32_t last = DISK_SIZE / 512 - 1;
    assert_int_equal(erase(bed, VIRTIO_BLK_T_DISCARD, 1, 2, 0), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_discards, 1);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_WRITE_ZEROES, 3, 2, 0), VIRTIO_BLK_S_OK);
    assert_false(bed->unmap);
    assert_int_equal(bed->disk[5 * 512 - 1], 0);
    assert_int_not_equal(bed->disk[5 * 512 + 1], 0);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_WRITE_ZEROES, last, 1, 1), VIRTIO_BLK_S_OK);
    assert_true(bed->unmap);
    assert_int_equal(bed->n_zeroes, 2);

    assert_int_equal(erase(bed, VIRTIO_BLK_T_DISCARD, 1, 2, 1), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_WRITE_ZEROES, 1, 2, 2), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_DISCARD, last, 2, 0), VIRTIO_BLK_S_IOERR);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_DISCARD, UINT64_MAX, 2, 0), VIRTIO_BLK_S_IOERR);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_DISCARD, 0, UINT32_MAX, 0), VIRTIO_BLK_S_IOERR);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_DISCARD, 0, 15, false, NULL),
                     VIRTIO_BLK_S_IOERR);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_DISCARD, 0, 32, false, NULL),
                     VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_discards, 1);
    assert_int_equal(bed->n_zeroes, 2);
}

static void a_stop_waits_for_what_is_in_flight(void **state)
{
    struct blk_bed *bed = *state;
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, 512, true },
                                    { STATUS_GPA, 1, true } };
    blk_bed_header(bed, VIRTIO_BLK_T_IN, 3);
    bed->hold = true;
    int head = ring_add(&bed->base.ring, buf, 3);
    dev_bed_kick(&bed->base);
    assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
    virtio_dev_stop(bed->dev);
    assert_int_equal(ring_take(&bed->base.ring, NULL), head);
    assert_true(dev_bed_interrupted(&bed->base));
    assert_int_equal(*blk_bed_ram(bed, STATUS_GPA), VIRTIO_BLK_S_OK);
}

static void a_read_only_disk_says_so_and_refuses_writes(void **state)
{
    struct blk_bed *bed = *state;
    blk_bed_stop(bed);
    blk_bed_start(bed, true, 0);
    assert_true(bed->dev->offered & 1ull << VIRTIO_BLK_F_RO);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_DISCARD, 0, 1, 0), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_discards, 0);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL),
                     VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_writes, 0);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_OK);
}

static void a_request_that_cannot_be_answered_breaks_the_device(void **state)
{
    struct blk_bed *bed = *state;
    const struct ring_buf short_header[] = { { HEADER_GPA, 15, false }, { STATUS_GPA, 1, true } };
    const struct ring_buf no_status[] = { { HEADER_GPA, 16, false } };
    const struct ring_buf no_header[] = { { STATUS_GPA, 1, true } };
    blk_bed_header(bed, VIRTIO_BLK_T_IN, 0);
    ring_add(&bed->base.ring, short_header, 2);
    dev_bed_kick(&bed->base);
    assert_int_equal(bed->base.n_broken, 1);
    ring_add(&bed->base.ring, no_status, 1);
    dev_bed_kick(&bed->base);
    assert_int_equal(bed->base.n_broken, 2);
    ring_add(&bed->base.ring, no_header, 1);
    dev_bed_kick(&bed->base);
    assert_int_equal(bed->base.n_broken, 3);
    assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
    assert_int_equal(*blk_bed_ram(bed, STATUS_GPA), NO_STATUS);
}

static void a_malformed_ring_breaks_the_device(void **state)
{
    struct blk_bed *bed = *state;
    ring_publish(&bed->base.ring, 1000);
    dev_bed_kick(&bed->base);
    assert_int_equal(bed->base.n_broken, 1);
}

static void a_full_queue_is_worked_off(void **state)
{
    struct blk_bed *bed = *state;
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, 512, true },
                                    { STATUS_GPA, 1, true } };
    blk_bed_header(bed, VIRTIO_BLK_T_IN, 0);
    for (int turn = 0; turn < 10; turn++) {
        unsigned n = 0;
        /* Indirect, so that there are as many chains as the ring has entries. */
        while (ring_add_indirect(&bed->base.ring, TABLES_GPA + n * 64ull, buf, 3) >= 0)
            n++;
        assert_int_equal(n, bed->base.ring.size);
        dev_bed_kick(&bed->base);
        for (; n > 0; n--)
            assert_true(ring_take(&bed->base.ring, NULL) >= 0);
        ring_want_interrupt(&bed->base.ring);
    }
}

static uint32_t rnd(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33);
}

/* Cuts len bytes at gpa into buffers of random lengths; returns how many there are then. */
static unsigned cut(struct ring_buf *buf, unsigned n, uint64_t gpa, uint32_t len, bool in,
                    uint64_t *seed)
{
    while (len > 0) {
        uint32_t piece = n > 50 ? len : 1 + rnd(seed) % 700;
        piece = MIN(piece, len);
        buf[n++] = (struct ring_buf){ gpa, piece, in };
        gpa += piece;
        len -= piece;
    }
    return n;
}

/* Reads, writes and nonsense, cut at random, against a copy of what the disk must hold. */
static void random_requests_leave_the_disk_as_they_should(void **state)
{
    struct blk_bed *bed = *state;
    static uint8_t model[DISK_SIZE];
    uint64_t seed = 11;
    unsigned n_ok = 0, n_refused = 0;
    memcpy(model, bed->disk, DISK_SIZE);
    for (int i = 0; i < 20000; i++) {
        bool in = rnd(&seed) % 2;
        uint64_t sector = rnd(&seed) % (DISK_SIZE / 512 + 4);
        uint32_t len = rnd(&seed) % 8 ? 512 * (rnd(&seed) % 6) : rnd(&seed) % 3000;
        bool good = len % 512 == 0 && sector * 512 + len <= DISK_SIZE;
        struct ring_buf buf[64];
        blk_bed_header(bed, in ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, sector);
        unsigned n = cut(buf, 0, HEADER_GPA, 16, false, &seed);
        n = cut(buf, n, BUFFER_GPA, len, in, &seed);
        buf[n++] = (struct ring_buf){ STATUS_GPA, 1, true };
        for (uint32_t b = 0; b < len; b++)
            *blk_bed_ram(bed, BUFFER_GPA + b) = (uint8_t)rnd(&seed);
        uint32_t written;
        assert_int_equal(blk_bed_send(bed, buf, n, &written),
                         good ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
        n_ok += good;
        n_refused += !good;
        if (good && in) {
            assert_int_equal(written, len + 1);
            assert_memory_equal(blk_bed_ram(bed, BUFFER_GPA), model + sector * 512, len);
        } else if (good) {
            memcpy(model + sector * 512, blk_bed_ram(bed, BUFFER_GPA), len);
        }
    }
    assert_memory_equal(bed->disk, model, DISK_SIZE);
    assert_true(n_ok > 10000 && n_refused > 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, blk_bed_set_up, blk_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(the_configuration_describes_the_disk),
        T(sectors_are_read_and_written),
        T(what_was_done_is_counted),
        T(a_request_may_be_cut_anywhere),
        T(what_is_not_whole_sectors_of_the_disk_is_refused),
        T(a_host_error_is_an_io_error),
        T(flush_flushes),
        T(a_driver_that_cannot_flush_writes_through),
        T(get_id_gives_at_most_20_bytes),
        T(an_unknown_request_is_unsupported),
        T(ranges_are_discarded_and_zeroed),
        T(a_stop_waits_for_what_is_in_flight),
        T(a_read_only_disk_says_so_and_refuses_writes),
        T(a_request_that_cannot_be_answered_breaks_the_device),
        T(a_malformed_ring_breaks_the_device),
        T(a_full_queue_is_worked_off),
        T(random_requests_leave_the_disk_as_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
