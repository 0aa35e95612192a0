// SPDX-License-Identifier: MIT
/* The disk as its driver sees it, on a block device in memory that can be told to fail. */
#include <errno.h>
#include <linux/virtio_blk.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "tests/unit/dev_bed.h"
#include "vmm/base/iov.h"
#include "vmm/block/block.h"
#include "vmm/virtio/blk.h"

#define DISK_SIZE (128 * 1024)
#define HEADER_GPA DEV_BED_DATA
#define STATUS_GPA (DEV_BED_DATA + 0x1000)
#define BUFFER_GPA (DEV_BED_DATA + 0x2000)
#define TABLES_GPA (DEV_BED_DATA + 0x100000)
#define NO_STATUS 0xee

struct bed {
    struct dev_bed base;
    struct block_dev block;
    struct virtio_dev *dev;
    uint8_t disk[DISK_SIZE];
    unsigned n_flushes, n_writes, n_closed, n_discards, n_zeroes;
    bool unmap;
    int fail;
    bool hold;
    struct block_req *held; /* waits for drain */
    unsigned n_held;        /* times that the model has told of a failed request */
};

static void disk_submit(struct block_dev *block, struct block_req *req)
{
    struct bed *bed = container_of(block, struct bed, block);
    if (bed->fail) {
        req->done(req, bed->fail);
        return;
    }
    if (bed->hold) {
        assert_null(bed->held);
        bed->held = req;
        return;
    }
    size_t len = iov_size(req->iov, req->n_iov);
    assert_true(req->op == BLOCK_FLUSH || req->offset + len + req->length <= DISK_SIZE);
    if (req->op == BLOCK_WRITE_ZEROES)
        memset(bed->disk + req->offset, 0, req->length);
    bed->n_discards += req->op == BLOCK_DISCARD;
    bed->n_zeroes += req->op == BLOCK_WRITE_ZEROES;
    bed->unmap = req->unmap;
    if (req->op == BLOCK_READ)
        iov_write(req->iov, req->n_iov, 0, bed->disk + req->offset, len);
    else if (req->op == BLOCK_WRITE)
        iov_read(req->iov, req->n_iov, 0, bed->disk + req->offset, len);
    bed->n_writes += req->op == BLOCK_WRITE;
    bed->n_flushes += req->op == BLOCK_FLUSH;
    req->done(req, 0);
}

static void disk_drain(struct block_dev *block)
{
    struct bed *bed = container_of(block, struct bed, block);
    struct block_req *req = bed->held;
    bed->held = NULL;
    bed->hold = false;
    if (req)
        disk_submit(block, req);
}

static bool disk_remeasure(struct block_dev *block)
{
    block->size -= 4096;
    return true;
}

static int disk_resize(struct block_dev *block, uint64_t size)
{
    if (size < block->size)
        return -EINVAL;
    block->size = size;
    return 0;
}

static void disk_close(struct block_dev *block)
{
    container_of(block, struct bed, block)->n_closed++;
}

static const struct block_ops disk_ops = { .submit = disk_submit,
                                           .drain = disk_drain,
                                           .remeasure = disk_remeasure,
                                           .resize = disk_resize,
                                           .close = disk_close };

static void create(struct bed *bed, bool read_only, uint64_t without)
{
    bed->block = (struct block_dev){ .ops = &disk_ops,
                                     .size = DISK_SIZE,
                                     .block_size = 512,
                                     .discard_unit = 1024,
                                     .read_only = read_only };
    bed->dev = virtio_blk_create(bed->base.loop, &bed->block, "a disk of more than 20 bytes", 2);
    dev_bed_start(&bed->base, bed->dev, without, 64);
}

static void destroy(struct bed *bed)
{
    dev_bed_stop(&bed->base);
    virtio_blk_destroy(bed->dev);
    assert_int_equal(bed->n_closed, 1);
    bed->n_closed = 0;
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    dev_bed_init(&bed->base);
    for (unsigned i = 0; i < DISK_SIZE; i++)
        bed->disk[i] = (uint8_t)(i / 512 + i);
    create(bed, false, 0);
    *state = bed;
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    destroy(bed);
    dev_bed_finish(&bed->base);
    free(bed);
    return 0;
}

static uint8_t *ram(struct bed *bed, uint64_t gpa)
{
    return guest_mem_ptr(&bed->base.mem, gpa, 1);
}

static void put_header(struct bed *bed, uint32_t type, uint64_t sector)
{
    struct virtio_blk_outhdr header = { .type = type, .sector = sector };
    memcpy(ram(bed, HEADER_GPA), &header, sizeof(header));
    *ram(bed, STATUS_GPA) = NO_STATUS;
}

/* Sends the chain and returns the status; *written gets the used length. */
static uint8_t send(struct bed *bed, const struct ring_buf *buf, unsigned n, uint32_t *written)
{
    int head = ring_add(&bed->base.ring, buf, n);
    assert_true(head >= 0);
    dev_bed_kick(&bed->base);
    assert_int_equal(ring_take(&bed->base.ring, written), head);
    assert_true(dev_bed_interrupted(&bed->base));
    ring_want_interrupt(&bed->base.ring);
    return *ram(bed, STATUS_GPA);
}

/* One request with one data buffer of len bytes at BUFFER_GPA. */
static uint8_t request(struct bed *bed, uint32_t type, uint64_t sector, uint32_t len, bool in,
                       uint32_t *written)
{
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, len, in },
                                    { STATUS_GPA, 1, true } };
    put_header(bed, type, sector);
    return send(bed, buf, 3, written);
}

static void the_configuration_describes_the_disk(void **state)
{
    struct bed *bed = *state;
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
    struct bed *bed = *state;
    uint32_t written;
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, 3, 4096, true, &written), VIRTIO_BLK_S_OK);
    assert_int_equal(written, 4097);
    assert_memory_equal(ram(bed, BUFFER_GPA), bed->disk + 3 * 512, 4096);

    memset(ram(bed, BUFFER_GPA), 0x5a, 1024);
    assert_int_equal(request(bed, VIRTIO_BLK_T_OUT, 7, 1024, false, &written), VIRTIO_BLK_S_OK);
    assert_int_equal(written, 1);
    assert_memory_equal(ram(bed, BUFFER_GPA), bed->disk + 7 * 512, 1024);
    assert_int_not_equal(bed->disk[9 * 512], 0x5a);
}

static void what_was_done_is_counted(void **state)
{
    struct bed *bed = *state;
    struct virtio_blk_stats stats;
    request(bed, VIRTIO_BLK_T_IN, 3, 4096, true, NULL);
    request(bed, VIRTIO_BLK_T_OUT, 7, 1024, false, NULL);
    request(bed, VIRTIO_BLK_T_OUT, DISK_SIZE / 512, 1024, false, NULL); /* nothing comes of it */
    const struct ring_buf flush[] = { { HEADER_GPA, 16, false }, { STATUS_GPA, 1, true } };
    put_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    assert_int_equal(send(bed, flush, 2, NULL), VIRTIO_BLK_S_OK);
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
    struct bed *bed = *state;
    /* The header in two pieces and the end of it with the data; the status behind the data. */
    struct ring_buf write[] = { { HEADER_GPA, 5, false },
                                { HEADER_GPA + 5, 11 + 100, false },
                                { BUFFER_GPA, 412, false },
                                { STATUS_GPA, 1, true } };
    put_header(bed, VIRTIO_BLK_T_OUT, 2);
    memset(ram(bed, HEADER_GPA + 16), 'h', 100);
    memset(ram(bed, BUFFER_GPA), 'b', 412);
    assert_int_equal(send(bed, write, 4, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->disk[2 * 512 + 99], 'h');
    assert_int_equal(bed->disk[2 * 512 + 100], 'b');

    struct ring_buf read[] = { { HEADER_GPA, 16, false },
                               { BUFFER_GPA, 500, true },
                               { STATUS_GPA - 12, 13, true } };
    put_header(bed, VIRTIO_BLK_T_IN, 2);
    assert_int_equal(send(bed, read, 3, NULL), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(bed, BUFFER_GPA), bed->disk + 2 * 512, 500);
    assert_memory_equal(ram(bed, STATUS_GPA - 12), bed->disk + 2 * 512 + 500, 12);
}

static void what_is_not_whole_sectors_of_the_disk_is_refused(void **state)
{
    struct bed *bed = *state;
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
        assert_int_equal(request(bed, VIRTIO_BLK_T_IN, bad[i].sector, bad[i].len, true, &written),
                         VIRTIO_BLK_S_IOERR);
        assert_int_equal(written, 0);
        assert_int_equal(request(bed, VIRTIO_BLK_T_OUT, bad[i].sector, bad[i].len, false, &written),
                         VIRTIO_BLK_S_IOERR);
    }
    assert_int_equal(bed->n_writes, 0);
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, last, 512, true, NULL), VIRTIO_BLK_S_OK);
}

static void a_host_error_is_an_io_error(void **state)
{
    struct bed *bed = *state;
    bed->fail = -ENOSPC;
    assert_int_equal(request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_IOERR);
    bed->fail = 0;
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->base.n_broken, 0);
}

static void flush_flushes(void **state)
{
    struct bed *bed = *state;
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false }, { STATUS_GPA, 1, true } };
    assert_int_equal(request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 0);
    put_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    assert_int_equal(send(bed, buf, 2, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 1);
    bed->fail = -EIO;
    put_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    assert_int_equal(send(bed, buf, 2, NULL), VIRTIO_BLK_S_IOERR);
}

static void a_driver_that_cannot_flush_writes_through(void **state)
{
    struct bed *bed = *state;
    destroy(bed);
    create(bed, false, 1ull << VIRTIO_BLK_F_FLUSH);
    assert_int_equal(request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 1);
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_OK);
    assert_int_equal(bed->n_flushes, 1);
}

static void get_id_gives_at_most_20_bytes(void **state)
{
    struct bed *bed = *state;
    uint32_t written;
    memset(ram(bed, BUFFER_GPA), '.', 32);
    assert_int_equal(request(bed, VIRTIO_BLK_T_GET_ID, 0, 32, true, &written), VIRTIO_BLK_S_OK);
    assert_int_equal(written, 21);
    assert_memory_equal(ram(bed, BUFFER_GPA), "a disk of more than ....", 24);
    memset(ram(bed, BUFFER_GPA), '.', 32);
    assert_int_equal(request(bed, VIRTIO_BLK_T_GET_ID, 0, 4, true, &written), VIRTIO_BLK_S_OK);
    assert_memory_equal(ram(bed, BUFFER_GPA), "a di....", 8);
}

static void an_unknown_request_is_unsupported(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(request(bed, 99, 0, 512, true, NULL), VIRTIO_BLK_S_UNSUPP);
    assert_int_equal(request(bed, VIRTIO_BLK_T_SECURE_ERASE, 0, 16, false, NULL),
                     VIRTIO_BLK_S_UNSUPP);
}

static uint8_t erase(struct bed *bed, uint32_t type, uint64_t sector, uint32_t n, uint32_t flags)
{
    struct virtio_blk_discard_write_zeroes range = { .sector = sector,
                                                     .num_sectors = n,
                                                     .flags = flags };
    memcpy(ram(bed, BUFFER_GPA), &range, sizeof(range));
    return request(bed, type, 0, sizeof(range), false, NULL);
}

static void ranges_are_discarded_and_zeroed(void **state)
{
    struct bed *bed = *state;
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
    assert_int_equal(request(bed, VIRTIO_BLK_T_DISCARD, 0, 15, false, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(request(bed, VIRTIO_BLK_T_DISCARD, 0, 32, false, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_discards, 1);
    assert_int_equal(bed->n_zeroes, 2);
}

static void a_stop_waits_for_what_is_in_flight(void **state)
{
    struct bed *bed = *state;
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, 512, true },
                                    { STATUS_GPA, 1, true } };
    put_header(bed, VIRTIO_BLK_T_IN, 3);
    bed->hold = true;
    int head = ring_add(&bed->base.ring, buf, 3);
    dev_bed_kick(&bed->base);
    assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
    virtio_dev_stop(bed->dev);
    assert_int_equal(ring_take(&bed->base.ring, NULL), head);
    assert_true(dev_bed_interrupted(&bed->base));
    assert_int_equal(*ram(bed, STATUS_GPA), VIRTIO_BLK_S_OK);
}

static void a_size_that_changed_is_told(void **state)
{
    struct bed *bed = *state;
    struct virtio_blk_config config;
    virtio_blk_remeasure(bed->dev);
    assert_int_equal(bed->base.n_config_changes, 1);
    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.capacity, DISK_SIZE / 512 - 8);
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, DISK_SIZE / 512 - 8, 512, true, NULL),
                     VIRTIO_BLK_S_IOERR);
}

static void a_new_size_is_told(void **state)
{
    struct bed *bed = *state;
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
    struct bed *bed = data;
    assert_int_equal(err, bed->fail);
    bed->n_held++;
}

/* A write that is not answered yet; its chain's head. */
static int begin_write(struct bed *bed, uint64_t sector)
{
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, 512, false },
                                    { STATUS_GPA, 1, true } };
    put_header(bed, VIRTIO_BLK_T_OUT, sector);
    memset(ram(bed, BUFFER_GPA), 0x77, 512);
    int head = ring_add(&bed->base.ring, buf, 3);
    dev_bed_kick(&bed->base);
    return head;
}

static void a_write_waits_where_the_host_has_no_room(void **state)
{
    static const int full[] = { -ENOSPC, -EDQUOT };
    struct bed *bed = *state;
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
        assert_int_equal(*ram(bed, STATUS_GPA), VIRTIO_BLK_S_OK);
        assert_int_equal(bed->disk[(5 + i) * 512 + 511], 0x77);
    }
    virtio_blk_retry(bed->dev);
    /* Other errors are the driver's, and so are those of reads. */
    bed->fail = -EIO;
    assert_int_equal(request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), VIRTIO_BLK_S_IOERR);
    bed->fail = -ENOSPC;
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_held, 4);
}

static void any_failed_write_may_wait(void **state)
{
    struct bed *bed = *state;
    virtio_blk_set_werror(bed->dev, VIRTIO_BLK_HOLD_ALL, note_held, bed);
    bed->fail = -EIO;
    int head = begin_write(bed, 9);
    assert_int_equal(bed->n_held, 1);
    /* A second one is not told of again, and comes after the first. */
    const struct ring_buf flush[] = { { HEADER_GPA + 64, 16, false }, { STATUS_GPA + 1, 1, true } };
    struct virtio_blk_outhdr header = { .type = VIRTIO_BLK_T_FLUSH };
    memcpy(ram(bed, HEADER_GPA + 64), &header, sizeof(header));
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
    put_header(bed, VIRTIO_BLK_T_FLUSH, 0);
    const struct ring_buf lost[] = { { HEADER_GPA, 16, false }, { STATUS_GPA, 1, true } };
    assert_int_equal(send(bed, lost, 2, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_held, 1);
}

static void a_stop_reports_what_waits(void **state)
{
    struct bed *bed = *state;
    virtio_blk_set_werror(bed->dev, VIRTIO_BLK_HOLD_FULL, note_held, bed);
    bed->fail = -ENOSPC;
    int head = begin_write(bed, 1);
    assert_int_equal(ring_take(&bed->base.ring, NULL), -1);
    virtio_dev_stop(bed->dev);
    assert_int_equal(ring_take(&bed->base.ring, NULL), head);
    assert_int_equal(*ram(bed, STATUS_GPA), VIRTIO_BLK_S_IOERR);
    virtio_blk_retry(bed->dev);
}

static void a_read_only_disk_says_so_and_refuses_writes(void **state)
{
    struct bed *bed = *state;
    destroy(bed);
    create(bed, true, 0);
    assert_true(bed->dev->offered & 1ull << VIRTIO_BLK_F_RO);
    assert_int_equal(erase(bed, VIRTIO_BLK_T_DISCARD, 0, 1, 0), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_discards, 0);
    assert_int_equal(request(bed, VIRTIO_BLK_T_OUT, 0, 512, false, NULL), VIRTIO_BLK_S_IOERR);
    assert_int_equal(bed->n_writes, 0);
    assert_int_equal(request(bed, VIRTIO_BLK_T_IN, 0, 512, true, NULL), VIRTIO_BLK_S_OK);
}

static void a_request_that_cannot_be_answered_breaks_the_device(void **state)
{
    struct bed *bed = *state;
    const struct ring_buf short_header[] = { { HEADER_GPA, 15, false }, { STATUS_GPA, 1, true } };
    const struct ring_buf no_status[] = { { HEADER_GPA, 16, false } };
    const struct ring_buf no_header[] = { { STATUS_GPA, 1, true } };
    put_header(bed, VIRTIO_BLK_T_IN, 0);
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
    assert_int_equal(*ram(bed, STATUS_GPA), NO_STATUS);
}

static void a_malformed_ring_breaks_the_device(void **state)
{
    struct bed *bed = *state;
    ring_publish(&bed->base.ring, 1000);
    dev_bed_kick(&bed->base);
    assert_int_equal(bed->base.n_broken, 1);
}

static void a_full_queue_is_worked_off(void **state)
{
    struct bed *bed = *state;
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, 512, true },
                                    { STATUS_GPA, 1, true } };
    put_header(bed, VIRTIO_BLK_T_IN, 0);
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
    struct bed *bed = *state;
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
        put_header(bed, in ? VIRTIO_BLK_T_IN : VIRTIO_BLK_T_OUT, sector);
        unsigned n = cut(buf, 0, HEADER_GPA, 16, false, &seed);
        n = cut(buf, n, BUFFER_GPA, len, in, &seed);
        buf[n++] = (struct ring_buf){ STATUS_GPA, 1, true };
        for (uint32_t b = 0; b < len; b++)
            *ram(bed, BUFFER_GPA + b) = (uint8_t)rnd(&seed);
        uint32_t written;
        assert_int_equal(send(bed, buf, n, &written), good ? VIRTIO_BLK_S_OK : VIRTIO_BLK_S_IOERR);
        n_ok += good;
        n_refused += !good;
        if (good && in) {
            assert_int_equal(written, len + 1);
            assert_memory_equal(ram(bed, BUFFER_GPA), model + sector * 512, len);
        } else if (good) {
            memcpy(model + sector * 512, ram(bed, BUFFER_GPA), len);
        }
    }
    assert_memory_equal(bed->disk, model, DISK_SIZE);
    assert_true(n_ok > 10000 && n_refused > 1000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
        T(a_size_that_changed_is_told),
        T(a_new_size_is_told),
        T(a_write_waits_where_the_host_has_no_room),
        T(any_failed_write_may_wait),
        T(a_stop_reports_what_waits),
        T(a_read_only_disk_says_so_and_refuses_writes),
        T(a_request_that_cannot_be_answered_breaks_the_device),
        T(a_malformed_ring_breaks_the_device),
        T(a_full_queue_is_worked_off),
        T(random_requests_leave_the_disk_as_they_should),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
