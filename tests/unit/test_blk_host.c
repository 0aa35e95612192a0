// SPDX-License-Identifier: MIT
/* What becomes of a disk where the host has another size for it, or no room. */
#include <errno.h>
#include <string.h>

#include "tests/test.h"
#include "tests/unit/blk_bed.h"
#include "vmm/virtio/blk.h"

static void a_size_that_changed_is_told(void **state)
{
    struct blk_bed *bed = *state;
    struct virtio_blk_config config;
    virtio_blk_remeasure(bed->dev);
    assert_int_equal(bed->base.n_config_changes, 1);
    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.capacity, DISK_SIZE / 512 - 8);
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, DISK_SIZE / 512 - 8, 512, true, NULL),
                     VIRTIO_BLK_S_IOERR);
}

static void a_new_size_is_told(void **state)
{
    struct blk_bed *bed = *state;
    struct virtio_blk_config config;
    assert_int_equal(virtio_blk_resize(bed->dev, DISK_SIZE - 512), -EINVAL);
    assert_int_equal(bed->base.n_config_changes, 0);
    assert_int_equal(virtio_blk_resize(bed->dev, 3ull * DISK_SIZE), 0);
    assert_int_equal(bed->base.n_config_changes, 1);
    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.capacity, 3 * DISK_SIZE / 512);
}

static void note_held(void *data, int err)
{
    struct blk_bed *bed = data;
    assert_int_equal(err, bed->fail);
    bed->n_held++;
}

/* A write that is not answered yet; its chain's head. */
static int begin_write(struct blk_bed *bed, uint64_t sector)
{
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, 512, false },
                                    { STATUS_GPA, 1, true } };
    blk_bed_header(bed, VIRTIO_BLK_T_OUT, sector);
    memset(blk_bed_ram(bed, BUFFER_GPA), 0x77, 512);
    int head = ring_add(&bed->base.ring, buf, 3);
    dev_bed_kick(&bed->base);
    return head;
}

static void a_write_waits_where_the_host_has_no_room(void **state)
{
    static const int full[] = { -ENOSPC, -EDQUOT };
    struct blk_bed *bed = *state;
    virtio_blk_set_werror(bed->dev, VIRTIO_BLK_HOLD_FULL, note_held, bed);
    for (unsigned i = 0; i < ARRAY_LEN(full); i++) {
        bed->fail = full[i];
        int head = begin_write(bed, 5 + i);
        assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
        assert_int_equal(bed->n_held, 2 * i + 1);
        virtio_blk_retry(bed->dev);
        assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
        assert_int_equal(bed->n_held, 2 * i + 2);
        bed->fail = 0;
        virtio_blk_retry(bed->dev);
        assert_int_equal(ring_take(&bed->base.ring, NULL), head);
        assert_true(dev_bed_interrupted(&bed->base));
        ring_want_interrupt(&bed->base.ring);
        assert_int_equal(*blk_bed_ram(bed, STATUS_GPA), VIRTIO_BLK_S_OK);
        assert_int_equal(bed->disk[(5 + i) * 512 + 511], 0x77);
    }
    virtio_blk_retry(bed->dev);
    /* Other errors are the driver's, and so are those of reads. */
    bed->fail = -EIO;
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL),
                     VIRTIO_BLK_S_IOERR);
    bed->fail = -ENOSPC;
    assert_int_equal(blk_bed_request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_held, 4);
}

static void any_failed_write_may_wait(void **state)
{
    struct blk_bed *bed = *state;
    virtio_blk_set_werror(bed->dev, VIRTIO_BLK_HOLD_ALL, note_held, bed);
    bed->fail = -EIO;
    int head = begin_write(bed, 9);
    assert_int_equal(bed->n_held, 1);
    /* A second one is not told of again, and comes after the first. */
    const struct ring_buf flush[] = { { HEADER_GPA + 64, 16, false }, { STATUS_GPA + 1, 1, true } };
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_FLUSH };
    memcpy(blk_bed_ram(bed, HEADER_GPA + 64), &header, sizeof(header));
    int second = ring_add(&bed->base.ring, flush, 2);
    dev_bed_kick(&bed->base);
    assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
    assert_int_equal(bed->n_held, 1);
    bed->fail = 0;
    virtio_blk_retry(bed->dev);
    assert_int_equal(ring_take(&bed->base.ring, NULL), head);
    assert_int_equal(ring_take(&bed->base.ring, NULL), second);
    assert_int_equal(bed->n_writes, 1);
    assert_int_equal(bed->n_flushes, 1);
    /* But what will never succeed. */
    bed->fail = -EIO;
    bed->block.lost = true;
    blk_bed_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    const struct ring_buf lost[] = { { HEADER_GPA, 16, false }, { STATUS_GPA, 1, true } };
    assert_int_equal(blk_bed_send(bed, lost, 2, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_held, 1);
}

static void a_stop_reports_what_waits(void **state)
{
    struct blk_bed *bed = *state;
    virtio_blk_set_werror(bed->dev, VIRTIO_BLK_HOLD_FULL, note_held, bed);
    bed->fail = -ENOSPC;
    int head = begin_write(bed, 1);
    assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
    virtio_dev_stop(bed->dev);
    assert_int_equal(ring_take(&bed->base.ring, NULL), head);
    assert_int_equal(*blk_bed_ram(bed, STATUS_GPA), VIRTIO_BLK_S_IOERR);
    virtio_blk_retry(bed->dev);
}

static void a_stop_tries_once_more(void **state)
{
    struct blk_bed *bed = *state;
    virtio_blk_set_werror(bed->dev, VIRTIO_BLK_HOLD_FULL, note_held, bed);
    bed->fail = -ENOSPC;
    int head = begin_write(bed, 1);
    assert_int_equal(bed->n_held, 1);
    bed->fail = 0;
    bed->hold = true; /* the stop has to wait for it */
    virtio_dev_stop(bed->dev);
    assert_int_equal(ring_take(&bed->base.ring, NULL), head);
    assert_int_equal(*blk_bed_ram(bed, STATUS_GPA), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->disk[512], 0x77);
    assert_int_equal(bed->n_held, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, blk_bed_set_up, blk_bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_size_that_changed_is_told),
        T(a_new_size_is_told),
        T(a_write_waits_where_the_host_has_no_room),
        T(any_failed_write_may_wait),
        T(a_stop_reports_what_waits),
        T(a_stop_tries_once_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
