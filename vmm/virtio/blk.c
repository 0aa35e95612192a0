// SPDX-License-Identifier: MIT
/*
 * A request is a chain of a 16-byte header, data, and one status byte at the very end; how the driver
 * cuts it into buffers is its own affair (virtio 1.2, 2.7.4.1). The chain's list is a copy of ours,
 * so the header and the status are cut off it in place, and what is left is the data.
 */
#include <assert.h>
#include <linux/virtio_blk.h>
#include <linux/virtio_ids.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "blk"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/block.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/device.h"

#define QUEUE_SIZE 256

static_assert(sizeof(struct virtio_blk_outhdr) == 16, "virtio 1.2, 5.2.6");

struct blk;

struct request {
    struct block_req io;
    struct blk *blk;
    struct request *next_free;
    uint8_t *status;  /* in guest memory; only ever written */
    uint32_t n_read;  /* bytes that the driver gets besides the status */
    bool flush_after; /* a write that has to last, because the driver can't flush */
    struct virtq_chain chain;
};

struct blk {
    struct virtio_dev dev;
    struct block_dev *block;
    struct virtio_blk_config config;  /* constant */
    char id[VIRTIO_BLK_ID_BYTES + 1]; /* the driver gets all but the last 0 */
    unsigned n_in_flight;
    struct request *free; /* never empty where a chain can be popped: as many as the queue holds */
    struct request request[QUEUE_SIZE];
};

static void release(struct request *r)
{
    struct blk *blk = r->blk;
    blk->n_in_flight--;
    r->next_free = blk->free;
    blk->free = r;
}

static void finish(struct request *r, uint8_t status)
{
    struct virtq *q = &r->blk->dev.queue[0];
    *r->status = status;
    /* What is counted as written begins at the first byte: none of it, where data is missing. */
    uint32_t written = status == VIRTIO_BLK_S_OK ? r->n_read + 1 : r->n_read ? 0 : 1;
    virtq_push(q, r->chain.head, written);
    virtq_notify(q);
    release(r);
}

static void io_done(struct block_req *io, int err)
{
    static const char *const op_name[] = {
        [BLOCK_READ] = "read", [BLOCK_WRITE] = "write", [BLOCK_FLUSH] = "flush"
    };
    static struct log_ratelimit limit;
    struct request *r = container_of(io, struct request, io);
    if (err < 0) {
        log_line_limited(&limit, LOG_WARN, LOG_MODULE, "%s: %s at byte %llu: %s", r->blk->id,
                         op_name[io->op], (unsigned long long)io->offset, strerror(-err));
        finish(r, VIRTIO_BLK_S_IOERR);
    } else if (r->flush_after) {
        r->flush_after = false;
        io->op = BLOCK_FLUSH;
        block_submit(r->blk->block, io);
    } else {
        finish(r, VIRTIO_BLK_S_OK);
    }
}

/* Cuts len bytes, which are there, off the front of the list. */
static void cut_front(struct iovec **iov, unsigned *n, size_t len)
{
    while (len > 0) {
        size_t cut = MIN(len, (*iov)->iov_len);
        (*iov)->iov_base = (uint8_t *)(*iov)->iov_base + cut;
        (*iov)->iov_len -= cut;
        len -= cut;
        if ((*iov)->iov_len == 0) {
            (*iov)++;
            (*n)--;
        }
    }
}

/* Cuts the last byte off a list that is not empty, and returns where it is. */
static uint8_t *cut_last_byte(struct iovec *iov, unsigned *n)
{
    struct iovec *last = &iov[*n - 1];
    uint8_t *byte = (uint8_t *)last->iov_base + --last->iov_len;
    if (last->iov_len == 0)
        (*n)--;
    return byte;
}

/* Whole sectors, all of them on the disk. */
static bool in_bounds(const struct blk *blk, uint64_t sector, uint64_t len)
{
    uint64_t offset, end;
    return len % BLOCK_SECTOR == 0 && !__builtin_mul_overflow(sector, BLOCK_SECTOR, &offset) &&
           !__builtin_add_overflow(offset, len, &end) && end <= blk->block->size;
}

static void transfer(struct request *r, enum block_op op, uint64_t sector, const struct iovec *iov,
                     unsigned n_iov)
{
    struct blk *blk = r->blk;
    uint64_t len = iov_size(iov, n_iov);
    if (op == BLOCK_READ)
        r->n_read = (uint32_t)len;
    if (!in_bounds(blk, sector, len)) {
        log_guest("%s: %llu bytes at sector %llu are not whole sectors of the disk", blk->id,
                  (unsigned long long)len, (unsigned long long)sector);
        finish(r, VIRTIO_BLK_S_IOERR);
        return;
    }
    if (op == BLOCK_WRITE && blk->block->read_only) {
        log_guest("%s: a write to a read-only disk", blk->id);
        finish(r, VIRTIO_BLK_S_IOERR);
        return;
    }
    r->flush_after = op == BLOCK_WRITE && !virtio_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
    r->io = (struct block_req){
        .op = op, .offset = sector * BLOCK_SECTOR, .iov = iov, .n_iov = n_iov, .done = io_done
    };
    block_submit(blk->block, &r->io);
}

static void get_id(struct request *r, const struct iovec *in, unsigned n_in)
{
    r->n_read = (uint32_t)iov_write(in, n_in, 0, r->blk->id, VIRTIO_BLK_ID_BYTES);
    finish(r, VIRTIO_BLK_S_OK);
}

static void handle(struct request *r)
{
    struct virtq_chain *chain = &r->chain;
    struct blk *blk = r->blk;
    struct iovec *out = chain->iov, *in = chain->iov + chain->n_out;
    unsigned n_out = chain->n_out, n_in = chain->n_in;
    struct virtio_blk_outhdr header;
    if (iov_read(out, n_out, 0, &header, sizeof(header)) < sizeof(header) || n_in == 0) {
        log_guest("%s: a request without a header or a place for its status", blk->id);
        release(r);
        virtio_dev_broken(&blk->dev);
        return;
    }
    cut_front(&out, &n_out, sizeof(header));
    r->status = cut_last_byte(in, &n_in);
    r->n_read = 0;
    switch (header.type) {
    case VIRTIO_BLK_T_IN:
        transfer(r, BLOCK_READ, header.sector, in, n_in);
        break;
    case VIRTIO_BLK_T_OUT:
        transfer(r, BLOCK_WRITE, header.sector, out, n_out);
        break;
    case VIRTIO_BLK_T_FLUSH:
        r->flush_after = false;
        r->io = (struct block_req){ .op = BLOCK_FLUSH, .done = io_done };
        block_submit(blk->block, &r->io);
        break;
    case VIRTIO_BLK_T_GET_ID:
        get_id(r, in, n_in);
        break;
    default:
        finish(r, VIRTIO_BLK_S_UNSUPP);
        break;
    }
}

static void blk_kick(struct virtio_dev *dev, struct virtq *q)
{
    struct blk *blk = container_of(dev, struct blk, dev);
    /* At most a queue's worth in a turn, so that a stop is never kept waiting. */
    for (unsigned n = 0; n < q->size; n++) {
        struct request *r = blk->free;
        int got = virtq_pop(q, &r->chain);
        if (got < 0)
            virtio_dev_broken(dev);
        if (got <= 0)
            return;
        blk->free = r->next_free;
        blk->n_in_flight++;
        handle(r);
    }
    fd_event_signal(q->kick_fd);
}

static int blk_start(struct virtio_dev *dev)
{
    return 0;
}

static void blk_stop(struct virtio_dev *dev)
{
    /* The block devices that there are answer before submit returns. */
    BUG_ON(container_of(dev, struct blk, dev)->n_in_flight > 0);
}

static void blk_get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    const struct blk *blk = container_of(dev, struct blk, dev);
    memset(data, 0, len);
    if (offset < sizeof(blk->config))
        memcpy(data, (const uint8_t *)&blk->config + offset,
               MIN(len, sizeof(blk->config) - offset));
}

static const struct virtio_ops blk_ops = { .name = "blk",
                                           .device_id = VIRTIO_ID_BLOCK,
                                           .get_config = blk_get_config,
                                           .start = blk_start,
                                           .stop = blk_stop,
                                           .kick = blk_kick };

struct virtio_dev *virtio_blk_create(struct loop *loop, struct block_dev *block, const char *id)
{
    struct blk *blk = calloc(1, sizeof(*blk));
    if (!blk) {
        log_error("no memory for the disk %s", id);
        block_close(block);
        return NULL;
    }
    blk->dev =
        (struct virtio_dev){ .ops = &blk_ops,
                             .loop = loop,
                             .offered = 1ull << VIRTIO_BLK_F_SEG_MAX |
                                        1ull << VIRTIO_BLK_F_BLK_SIZE | 1ull << VIRTIO_BLK_F_FLUSH,
                             .n_queues = 1,
                             .queue_size = { QUEUE_SIZE },
                             .config_len = sizeof(blk->config) };
    if (block->read_only)
        blk->dev.offered |= 1ull << VIRTIO_BLK_F_RO;
    blk->block = block;
    /* A chain is no longer than the queue, and two of its buffers are header and status. */
    blk->config = (struct virtio_blk_config){ .capacity = block->size / BLOCK_SECTOR,
                                              .seg_max = QUEUE_SIZE - 2,
                                              .blk_size = block->block_size };
    memcpy(blk->id, id, strnlen(id, VIRTIO_BLK_ID_BYTES));
    for (unsigned i = 0; i < QUEUE_SIZE; i++) {
        blk->request[i].blk = blk;
        blk->request[i].next_free = i + 1 < QUEUE_SIZE ? &blk->request[i + 1] : NULL;
    }
    blk->free = &blk->request[0];
    return &blk->dev;
}

void virtio_blk_destroy(struct virtio_dev *dev)
{
    if (!dev)
        return;
    struct blk *blk = container_of(dev, struct blk, dev);
    block_close(blk->block);
    free(blk);
}
