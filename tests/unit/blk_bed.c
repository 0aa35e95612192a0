// SPDX-License-Identifier: MIT
#include "tests/unit/blk_bed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "vmm/base/iov.h"
#include "vmm/virtio/blk.h"

static void disk_submit(struct block_dev *block, struct block_req *req)
{
    struct blk_bed *bed = container_of(block, struct blk_bed, block);
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
    struct blk_bed *bed = container_of(block, struct blk_bed, block);
    struct block_req *req = bed->held;
    if (!req)
        return;
    bed->held = NULL;
    bed->hold = false;
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
    container_of(block, struct blk_bed, block)->n_closed++;
}

static const struct block_ops disk_ops = { .submit = disk_submit,
                                           .drain = disk_drain,
                                           .remeasure = disk_remeasure,
                                           .resize = disk_resize,
                                           .close = disk_close };

void blk_bed_start(struct blk_bed *bed, bool read_only, uint64_t without)
{
    bed->block = (struct block_dev){ .ops = &disk_ops,
                                     .size = DISK_SIZE,
                                     .block_size = 512,
                                     .discard_unit = 1024,
                                     .read_only = read_only };
    bed->dev = virtio_blk_create(bed->base.loop, &bed->block, "a disk of more than 20 bytes", 2);
    dev_bed_start(&bed->base, bed->dev, without, 64);
}

void blk_bed_stop(struct blk_bed *bed)
{
    dev_bed_stop(&bed->base);
    virtio_blk_destroy(bed->dev);
    assert_int_equal(bed->n_closed, 1);
    bed->n_closed = 0;
}

int blk_bed_set_up(void **state)
{
    struct blk_bed *bed = calloc(1, sizeof(*bed));
    dev_bed_init(&bed->base);
    for (unsigned i = 0; i < DISK_SIZE; i++)
        bed->disk[i] = (uint8_t)(i / 512 + i);
    blk_bed_start(bed, false, 0);
    *state = bed;
    return 0;
}

int blk_bed_tear_down(void **state)
{
    struct blk_bed *bed = *state;
    blk_bed_stop(bed);
    dev_bed_finish(&bed->base);
    free(bed);
    return 0;
}

uint8_t *blk_bed_ram(struct blk_bed *bed, uint64_t gpa)
{
    return guest_mem_ptr(&bed->base.mem, gpa, 1);
}

void blk_bed_header(struct blk_bed *bed, uint32_t type, uint64_t sector)
{
    struct virtio_blk_outhdr header = { .type = type, .sector = sector };
    memcpy(blk_bed_ram(bed, HEADER_GPA), &header, sizeof(header));
    *blk_bed_ram(bed, STATUS_GPA) = NO_STATUS;
}

uint8_t blk_bed_send(struct blk_bed *bed, const struct ring_buf *buf, unsigned n, uint32_t *written)
{
    int head = ring_add(&bed->base.ring, buf, n);
    assert_true(head >= 0);
    dev_bed_kick(&bed->base);
    assert_int_equal(ring_take(&bed->base.ring, written), head);
    assert_true(dev_bed_interrupted(&bed->base));
    ring_want_interrupt(&bed->base.ring);
    return *blk_bed_ram(bed, STATUS_GPA);
}

uint8_t blk_bed_request(struct blk_bed *bed, uint32_t type, uint64_t sector, uint32_t len, bool in,
                        uint32_t *written)
{
    const struct ring_buf buf[] = { { HEADER_GPA, 16, false },
                                    { BUFFER_GPA, len, in },
                                    { STATUS_GPA, 1, true } };
    blk_bed_header(bed, type, sector);
    return blk_bed_send(bed, buf, 3, written);
}
