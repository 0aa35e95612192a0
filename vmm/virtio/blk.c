// SPDX-License-Identifier: MIT
/*
 * A request is a chain of a 16-byte header, data, and one status byte at the very end; how the driver
 * cuts it into buffers is its own affair (virtio 1.2, 2.7.4.1). The chain's list is a copy of ours,
 * so the header and the status are cut off it in place, and what is left is the data.
 *
 * All queues are served on the one loop. What completes in a turn of it is told to the driver at once,
 * at its end.
 */
#include <assert.h>
#include <errno.h>
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
#define ERASE_SECTORS (BLOCK_MAX_ERASE / BLOCK_SECTOR)

static_assert(sizeof(struct virtio_blk_outhdr) == 16, "virtio 1.2, 5.2.6");
static_assert(sizeof(struct virtio_blk_discard_write_zeroes) == 16, "virtio 1.2, 5.2.6");

struct blk;

struct request {
    struct block_req io;
    struct blk *blk;
    struct virtq *q;
    struct request *next; /* of those that are free, or held */
    uint8_t *status;      /* in guest memory; only ever written */
    uint32_t n_read;      /* bytes that the driver gets besides the status */
    bool flush_after;     /* a write that has to last, because the driver can't flush */
    struct virtq_chain chain;
};

struct blk {
    struct virtio_dev dev;
    struct block_dev *block;
    struct virtio_blk_config config;  /* constant but for the capacity */
    uint64_t capacity;                /* sectors; atomic: written on the loop, read by any thread */
    char id[VIRTIO_BLK_ID_BYTES + 1]; /* the driver gets all but the last 0 */
    struct loop_prepare prepare;
    unsigned n_in_flight;
    struct virtio_blk_stats stats; /* atomic: written on the loop, read by any thread */
    uint32_t pushed;               /* the queues whose driver is to be told, by their bits */
    enum virtio_blk_werror werror;
    void (*on_held)(void *data, int err);
    void *on_held_data;
    bool stopping;
    struct request *held, *held_last; /* a queue */
    struct request *free;             /* those that were in use before */
    unsigned n_fresh;                 /* how many never were, at the end of request[] */
    struct request request[]; /* one more than the queues hold chains: there is always one */
};

/* For queues of any size, though most are smaller: what was never used is no memory yet. */
static size_t n_requests(unsigned n_queues)
{
    return (size_t)n_queues * VIRTQ_MAX_SIZE + 1;
}

static void notify(struct blk *blk)
{
    for (; blk->pushed; blk->pushed &= blk->pushed - 1)
        virtq_notify(&blk->dev.queue[__builtin_ctz(blk->pushed)]);
}

static struct request *take(struct blk *blk)
{
    struct request *r = blk->free;
    if (r) {
        blk->free = r->next;
        return r;
    }
    BUG_ON(blk->n_fresh == 0);
    return &blk->request[n_requests(blk->dev.n_queues) - blk->n_fresh--];
}

static void release(struct request *r)
{
    struct blk *blk = r->blk;
    r->next = blk->free;
    blk->free = r;
}

static void finish(struct request *r, uint8_t status)
{
    *r->status = status;
    /* What is counted as written begins at the first byte: none of it, where data is missing. */
    uint32_t written = status == VIRTIO_BLK_S_OK ? r->n_read + 1 : r->n_read ? 0 : 1;
    virtq_push(r->q, r->chain.head, written);
    r->blk->pushed |= 1u << r->q->index;
    r->blk->n_in_flight--;
    release(r);
}

/* Keeps a request that has failed, for another try. */
static bool hold(struct request *r, int err)
{
    struct blk *blk = r->blk;
    bool full = err == -ENOSPC || err == -EDQUOT;
    if (r->io.op == BLOCK_READ || blk->werror == VIRTIO_BLK_REPORT || blk->stopping ||
        blk->block->lost || (blk->werror == VIRTIO_BLK_HOLD_FULL && !full))
        return false;
    bool first = !blk->held;
    r->next = NULL;
    if (first)
        blk->held = r;
    else
        blk->held_last->next = r;
    blk->held_last = r;
    if (first)
        blk->on_held(blk->on_held_data, err);
    return true;
}

static void retry_held(struct blk *blk)
{
    struct request *r = blk->held;
    blk->held = NULL;
    for (struct request *next; r; r = next) {
        next = r->next;
        block_submit(blk->block, &r->io);
    }
}

static void add(uint64_t *counter, uint64_t n)
{
    __atomic_store_n(counter, *counter + n, __ATOMIC_RELAXED);
}

static void count(struct virtio_blk_stats *s, const struct block_req *io, int err)
{
    if (err < 0) {
        add(&s->errors, 1);
        return;
    }
    switch (io->op) {
    case BLOCK_READ:
        add(&s->reads, 1);
        add(&s->bytes_read, iov_size(io->iov, io->n_iov));
        break;
    case BLOCK_WRITE:
        add(&s->writes, 1);
        add(&s->bytes_written, iov_size(io->iov, io->n_iov));
        break;
    case BLOCK_FLUSH:
        add(&s->flushes, 1);
        break;
    case BLOCK_DISCARD:
    case BLOCK_WRITE_ZEROES:
        add(&s->erases, 1);
        break;
    }
}

static void io_done(struct block_req *io, int err)
{
    static const char *const op_name[] = {
        [BLOCK_READ] = "read",
        [BLOCK_WRITE] = "write",
        [BLOCK_FLUSH] = "flush",
        [BLOCK_DISCARD] = "discard",
        [BLOCK_WRITE_ZEROES] = "write of zeroes",
    };
    static struct log_ratelimit limit;
    struct request *r = container_of(io, struct request, io);
    if (err < 0 && hold(r, err))
        return;
    count(&r->blk->stats, io, err);
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

/* A discard or zeroes to write; we take one range in a request. */
static void erase(struct request *r, enum block_op op, const struct iovec *iov, unsigned n_iov)
{
    struct blk *blk = r->blk;
    struct virtio_blk_discard_write_zeroes range;
    if (iov_size(iov, n_iov) != sizeof(range)) {
        log_guest("%s: a request of more or less than one range", blk->id);
        finish(r, VIRTIO_BLK_S_IOERR);
        return;
    }
    iov_read(iov, n_iov, 0, &range, sizeof(range));
    uint32_t known = op == BLOCK_DISCARD ? 0 : VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
    if (range.flags & ~known) {
        finish(r, VIRTIO_BLK_S_UNSUPP);
        return;
    }
    uint64_t len = (uint64_t)range.num_sectors * BLOCK_SECTOR;
    if (range.num_sectors > ERASE_SECTORS || !in_bounds(blk, range.sector, len) ||
        blk->block->read_only) {
        log_guest("%s: %u sectors at sector %llu can't be erased", blk->id, range.num_sectors,
                  (unsigned long long)range.sector);
        finish(r, VIRTIO_BLK_S_IOERR);
        return;
    }
    if (len == 0) {
        finish(r, VIRTIO_BLK_S_OK);
        return;
    }
    r->flush_after = op == BLOCK_WRITE_ZEROES && !virtio_has(&blk->dev, VIRTIO_BLK_F_FLUSH);
    r->io = (struct block_req){ .op = op,
                                .offset = range.sector * BLOCK_SECTOR,
                                .length = len,
                                .unmap = range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP,
                                .done = io_done };
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
        blk->n_in_flight--;
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
    case VIRTIO_BLK_T_DISCARD:
        erase(r, BLOCK_DISCARD, out, n_out);
        break;
    case VIRTIO_BLK_T_WRITE_ZEROES:
        erase(r, BLOCK_WRITE_ZEROES, out, n_out);
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
        struct request *r = take(blk);
        r->blk = blk;
        r->q = q;
        int got = virtq_pop(q, &r->chain);
        if (got <= 0) {
            release(r);
            if (got < 0)
                virtio_dev_broken(dev);
            notify(blk);
            return;
        }
        blk->n_in_flight++;
        handle(r);
    }
    notify(blk);
    fd_event_signal(q->kick_fd);
}

static void before_sleep(struct loop_prepare *prepare)
{
    notify(container_of(prepare, struct blk, prepare));
}

static int blk_start(struct virtio_dev *dev)
{
    struct blk *blk = container_of(dev, struct blk, dev);
    loop_prepare_add(dev->loop, &blk->prepare, before_sleep);
    return 0;
}

static void blk_stop(struct virtio_dev *dev)
{
    struct blk *blk = container_of(dev, struct blk, dev);
    blk->stopping = true;
    block_drain(blk->block);
    /* No request outlives the queue: what was held has its last try. */
    retry_held(blk);
    block_drain(blk->block);
    blk->stopping = false;
    BUG_ON(blk->n_in_flight > 0);
    loop_prepare_remove(&blk->prepare);
    notify(blk);
}

static void blk_get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    const struct blk *blk = container_of(dev, struct blk, dev);
    struct virtio_blk_config config = blk->config;
    config.capacity = __atomic_load_n(&blk->capacity, __ATOMIC_RELAXED);
    memset(data, 0, len);
    if (offset < sizeof(config))
        memcpy(data, (const uint8_t *)&config + offset, MIN(len, sizeof(config) - offset));
}

static const struct virtio_ops blk_ops = { .name = "blk",
                                           .device_id = VIRTIO_ID_BLOCK,
                                           .get_config = blk_get_config,
                                           .start = blk_start,
                                           .stop = blk_stop,
                                           .kick = blk_kick };

static uint64_t features(const struct block_dev *block)
{
    uint64_t bits = 1ull << VIRTIO_BLK_F_SEG_MAX | 1ull << VIRTIO_BLK_F_BLK_SIZE |
                    1ull << VIRTIO_BLK_F_FLUSH | 1ull << VIRTIO_BLK_F_MQ;
    return bits |
           (block->read_only ? 1ull << VIRTIO_BLK_F_RO
                             : 1ull << VIRTIO_BLK_F_DISCARD | 1ull << VIRTIO_BLK_F_WRITE_ZEROES);
}

static struct virtio_blk_config describe(const struct block_dev *block, unsigned n_queues)
{
    /* A chain is no longer than the queue, and two of its buffers are header and status. */
    struct virtio_blk_config config = { .seg_max = QUEUE_SIZE - 2,
                                        .blk_size = block->block_size,
                                        .num_queues = (uint16_t)n_queues };
    if (!block->read_only) {
        config.max_discard_sectors = config.max_write_zeroes_sectors = ERASE_SECTORS;
        config.max_discard_seg = config.max_write_zeroes_seg = 1;
        config.discard_sector_alignment = block->discard_unit / BLOCK_SECTOR;
        config.write_zeroes_may_unmap = 1;
    }
    return config;
}

struct virtio_dev *virtio_blk_create(struct loop *loop, struct block_dev *block, const char *id,
                                     unsigned n_queues)
{
    struct blk *blk = calloc(1, sizeof(*blk) + n_requests(n_queues) * sizeof(blk->request[0]));
    if (!blk) {
        log_error("no memory for the disk %s", id);
        block_close(block);
        return NULL;
    }
    blk->dev = (struct virtio_dev){ .ops = &blk_ops,
                                    .loop = loop,
                                    .offered = features(block),
                                    .n_queues = n_queues,
                                    .config_len = sizeof(blk->config) };
    for (unsigned i = 0; i < n_queues; i++)
        blk->dev.queue_size[i] = QUEUE_SIZE;
    blk->block = block;
    blk->config = describe(block, n_queues);
    blk->capacity = block->size / BLOCK_SECTOR;
    blk->n_fresh = n_requests(n_queues);
    memcpy(blk->id, id, strnlen(id, VIRTIO_BLK_ID_BYTES));
    return &blk->dev;
}

void virtio_blk_set_werror(struct virtio_dev *dev, enum virtio_blk_werror werror,
                           void (*held)(void *data, int err), void *data)
{
    struct blk *blk = container_of(dev, struct blk, dev);
    blk->werror = werror;
    blk->on_held = held;
    blk->on_held_data = data;
}

void virtio_blk_retry(struct virtio_dev *dev)
{
    struct blk *blk = container_of(dev, struct blk, dev);
    retry_held(blk);
    notify(blk);
}

static void size_changed(struct blk *blk)
{
    __atomic_store_n(&blk->capacity, blk->block->size / BLOCK_SECTOR, __ATOMIC_RELAXED);
    log_info("%s has %llu bytes now", blk->id, (unsigned long long)blk->block->size);
    if (blk->dev.transport)
        blk->dev.transport->config_changed(&blk->dev);
}

int virtio_blk_resize(struct virtio_dev *dev, uint64_t size)
{
    struct blk *blk = container_of(dev, struct blk, dev);
    uint64_t old = blk->block->size;
    int err = blk->block->ops->resize(blk->block, size);
    if (blk->block->size != old)
        size_changed(blk);
    return err;
}

void virtio_blk_remeasure(struct virtio_dev *dev)
{
    struct blk *blk = container_of(dev, struct blk, dev);
    if (blk->block->ops->remeasure && blk->block->ops->remeasure(blk->block))
        size_changed(blk);
}

void virtio_blk_stats(const struct virtio_dev *dev, struct virtio_blk_stats *stats)
{
    const struct virtio_blk_stats *from = &container_of(dev, const struct blk, dev)->stats;
    *stats = (struct virtio_blk_stats){
        .reads = __atomic_load_n(&from->reads, __ATOMIC_RELAXED),
        .writes = __atomic_load_n(&from->writes, __ATOMIC_RELAXED),
        .flushes = __atomic_load_n(&from->flushes, __ATOMIC_RELAXED),
        .erases = __atomic_load_n(&from->erases, __ATOMIC_RELAXED),
        .bytes_read = __atomic_load_n(&from->bytes_read, __ATOMIC_RELAXED),
        .bytes_written = __atomic_load_n(&from->bytes_written, __ATOMIC_RELAXED),
        .errors = __atomic_load_n(&from->errors, __ATOMIC_RELAXED),
    };
}

void virtio_blk_destroy(struct virtio_dev *dev)
{
    if (!dev)
        return;
    struct blk *blk = container_of(dev, struct blk, dev);
    block_close(blk->block);
    free(blk);
}
