// SPDX-License-Identifier: MIT
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

#define AUTOCLEAR_AT 88
/* What is freed and can't be used yet, bytes, before a write makes it usable. */
#define MAX_TO_FREE (1024 * MIB)

/* Reading: a request is cut into what lies in one piece. Those pieces that have to be waited for are
 * counted. */
struct pieces {
    struct qcow2 *q;
    struct block_req *req;
    unsigned n; /* under way, and one for who cuts */
    int err;
};

struct piece {
    struct transfer transfer;
    struct pieces *all;
    uint64_t at, len;
    struct iovec iov[];
};

static void piece_finished(struct pieces *all, int err)
{
    all->err = all->err < 0 ? all->err : err;
    if (--all->n > 0)
        return;
    struct block_req *req = all->req;
    err = all->err;
    free(all);
    req->done(req, err);
}

/* The file ended. Its last cluster need not be there as a whole. */
static int zero_rest(const struct qcow2 *q, uint64_t at, uint64_t len, const struct iovec *iov,
                     unsigned n_iov, uint64_t n_bytes)
{
    int64_t size = image_file_size(&q->file);
    if (size < 0 || at + len > ALIGN_UP((uint64_t)size, (uint64_t)q->cluster))
        return -EIO;
    static const uint8_t zeroes[4096];
    while (n_bytes < len)
        n_bytes += iov_write(iov, n_iov, n_bytes, zeroes, MIN(len - n_bytes, sizeof(zeroes)));
    return 0;
}

static void piece_read(struct transfer *t, int err)
{
    struct piece *piece = container_of(t, struct piece, transfer);
    if (err == -ENODATA)
        err = zero_rest(piece->all->q, piece->at, piece->len, t->io.iov, t->io.n_iov, t->n_bytes);
    struct pieces *all = piece->all;
    free(piece);
    piece_finished(all, err);
}

static void whole_moved(struct transfer *t, int err)
{
    struct block_req *req = container_of(t, struct block_req, transfer);
    const struct qcow2 *q = container_of(req->block, struct qcow2, block);
    if (err == -ENODATA)
        err = zero_rest(q, t->io.offset, iov_size(req->iov, req->n_iov), req->iov, req->n_iov,
                        t->n_bytes);
    req->done(req, err);
}

static int start_piece(struct pieces *all, uint64_t at, uint64_t skip, uint64_t len)
{
    struct block_req *req = all->req;
    struct piece *piece = malloc(sizeof(*piece) + req->n_iov * sizeof(piece->iov[0]));
    if (!piece)
        return -ENOMEM;
    int n = iov_slice(req->iov, req->n_iov, skip, len, piece->iov, req->n_iov);
    *piece = (struct piece){ .all = all, .at = at, .len = len };
    all->n++;
    transfer_start(&piece->transfer, all->q->aio, &all->q->file, AIO_READ, at, piece->iov,
                   (unsigned)n, piece_read);
    return 0;
}

/* What takes no transfer: skip bytes into the list. */
static int read_here(struct qcow2 *q, struct block_req *req, uint64_t pos, uint64_t skip,
                     uint64_t len)
{
    for (unsigned i = 0; i < req->n_iov && len > 0; i++) {
        uint64_t part = MIN(skip, req->iov[i].iov_len), n = MIN(req->iov[i].iov_len - part, len);
        skip -= part;
        int err = n == 0 ? 0 : qcow2_read_now(q, pos, (uint8_t *)req->iov[i].iov_base + part, n);
        if (err < 0)
            return err;
        pos += n;
        len -= n;
    }
    return 0;
}

static void read_pieces(struct qcow2 *q, struct block_req *req, uint64_t len)
{
    struct pieces *all = malloc(sizeof(*all));
    if (!all) {
        req->done(req, -ENOMEM);
        return;
    }
    *all = (struct pieces){ .q = q, .req = req, .n = 1 };
    int err = 0;
    for (uint64_t skip = 0; skip < len && err == 0;) {
        struct qcow2_extent e;
        err = qcow2_map(q, req->offset + skip, len - skip, &e);
        if (err < 0)
            break;
        err = e.kind == QCOW2_DATA ? start_piece(all, e.at, skip, e.len)
                                   : read_here(q, req, req->offset + skip, skip, e.len);
        skip += e.len;
    }
    piece_finished(all, err);
}

/* The next generation of the tables. */
static int flush_tables(struct qcow2 *q)
{
    /* What is freed may not be read or written any more. And there is one sync at a time (sync.h). */
    aio_drain(q->aio);
    return qcow2_flush_tables(q);
}

static int write_now(struct qcow2 *q, const struct block_req *req)
{
    return req->op == BLOCK_WRITE ? qcow2_write_now(q, req->offset, req->iov, req->n_iov, 0,
                                                    iov_size(req->iov, req->n_iov))
                                  : qcow2_write_zeroes(q, req->offset, req->length, req->unmap);
}

/* What was freed is used again from the next flush on. Where the driver has none, the image does not grow for ever;
 * and no room on the host is no reason to fail where there is that of what was freed. */
static int write_in_bounds(struct qcow2 *q, const struct block_req *req)
{
    int err = q->to_free < MAX_TO_FREE / q->cluster ? 0 : flush_tables(q);
    if (err == 0)
        err = write_now(q, req);
    bool full = err == -ENOSPC || err == -EDQUOT;
    if (full && q->to_free > 0 && !q->settling && flush_tables(q) == 0)
        err = write_now(q, req);
    return err;
}

static void transfer_or_cut(struct qcow2 *q, struct block_req *req)
{
    uint64_t len = iov_size(req->iov, req->n_iov);
    bool write = req->op == BLOCK_WRITE;
    struct qcow2_extent e = { 0 };
    int err = len == 0 ? 0 : write && q->h.corrupt ? -EIO : qcow2_map(q, req->offset, len, &e);
    if (err < 0 || len == 0)
        req->done(req, err);
    else if (e.kind == QCOW2_DATA && e.len == len && (!write || e.copied))
        transfer_start(&req->transfer, q->aio, &q->file, write ? AIO_WRITE : AIO_READ, e.at,
                       req->iov, req->n_iov, whole_moved);
    else if (write)
        req->done(req, write_in_bounds(q, req));
    else
        read_pieces(q, req, len);
}

static void sync_failed(struct block_dev *block, int err)
{
    qcow2_lost(container_of(block, struct qcow2, block), err);
}

static void flush(struct qcow2 *q, struct block_req *req)
{
    if (q->changed || q->block.lost || (q->h.corrupt && !q->block.read_only)) {
        req->done(req, flush_tables(q));
        return;
    }
    block_sync_submit(&q->sync, req);
}

static void serve(struct qcow2 *q, struct block_req *req)
{
    switch (req->op) {
    case BLOCK_READ:
    case BLOCK_WRITE:
        transfer_or_cut(q, req);
        break;
    case BLOCK_FLUSH:
        flush(q, req);
        break;
    case BLOCK_DISCARD:
        req->done(req, qcow2_discard(q, req->offset, req->length));
        break;
    case BLOCK_WRITE_ZEROES:
        req->done(req, write_in_bounds(q, req));
        break;
    }
}

/* A request that comes while tables are being changed, from the done of another, waits. */
static void qcow2_submit(struct block_dev *block, struct block_req *req)
{
    struct qcow2 *q = container_of(block, struct qcow2, block);
    req->block = block;
    req->next = NULL;
    if (q->busy) {
        if (q->waiting)
            q->waiting_last->next = req;
        else
            q->waiting = req;
        q->waiting_last = req;
        return;
    }
    q->busy = true;
    serve(q, req);
    while ((req = q->waiting)) {
        q->waiting = req->next;
        serve(q, req);
    }
    q->busy = false;
}

static void qcow2_drain(struct block_dev *block)
{
    aio_drain(container_of(block, struct qcow2, block)->aio);
}

static int qcow2_block_resize(struct block_dev *block, uint64_t size)
{
    struct qcow2 *q = container_of(block, struct qcow2, block);
    aio_drain(q->aio);
    return qcow2_resize(q, size);
}

static int qcow2_block_read_now(struct block_dev *block, uint64_t offset, void *buf, uint64_t len)
{
    return qcow2_read_now(container_of(block, struct qcow2, block), offset, buf, len);
}

static void destroy(struct qcow2 *q)
{
    block_close(q->backing);
    qcow2_cache_destroy(q->l2);
    qcow2_cache_destroy(q->refs);
    image_file_close(&q->file);
    free(q->l1);
    free(q->reftable);
    free(q->frees);
    free(q->scratch);
    free(q->unpacked);
    free(q->packed);
    free(q->path);
    free(q);
}

static void qcow2_close(struct block_dev *block)
{
    struct qcow2 *q = container_of(block, struct qcow2, block);
    int err = q->h.corrupt ? 0 : qcow2_flush_tables(q);
    if (err < 0 && !q->block.lost)
        log_error("the end of what was written to %s is lost: %s", q->path, strerror(-err));
    destroy(q);
}

static const struct block_ops qcow2_ops = { .submit = qcow2_submit,
                                            .drain = qcow2_drain,
                                            .resize = qcow2_block_resize,
                                            .read_now = qcow2_block_read_now,
                                            .close = qcow2_close };

static uint64_t *read_table(const struct qcow2 *q, uint64_t at, uint64_t n)
{
    uint64_t *table = malloc(n * 8);
    if (!table)
        return NULL;
    if (fd_pread_full(q->file.fd, table, n * 8, at) < 0) {
        free(table);
        return NULL;
    }
    for (uint64_t i = 0; i < n; i++)
        table[i] = __builtin_bswap64(table[i]) & ~QCOW2_FRESH;
    return table;
}

static bool allocate(struct qcow2 *q, const char *path)
{
    q->path = strdup(path);
    q->l1_n = q->h.l1_size;
    q->l1 = read_table(q, q->h.l1_at, q->l1_n);
    q->reftable_n = (uint64_t)q->h.reftable_clusters * q->cluster / 8;
    q->reftable = read_table(q, q->h.reftable_at, q->reftable_n);
    q->l2 = qcow2_cache_create(q->h.cluster_bits);
    q->refs = qcow2_cache_create(q->h.cluster_bits);
    q->scratch = malloc(q->cluster);
    q->unpacked = malloc(q->cluster);
    q->packed = malloc(2 * q->cluster);
    if (q->path && q->l1 && q->reftable && q->l2 && q->refs && q->scratch && q->unpacked &&
        q->packed)
        return true;
    log_error("can't read the tables of the disk %s", path);
    return false;
}

/* A name in an image is relative to the image. */
static bool open_backing(struct qcow2 *q, const struct block_options *options, unsigned depth)
{
    char path[5000];
    const char *name = q->h.backing, *slash = strrchr(options->path, '/');
    struct block_options backing = { .path = path, .read_only = true, .direct = options->direct };
    if (!*name)
        return true;
    if (strncmp(name, "file:", 5) == 0)
        name += 5;
    if (strcmp(q->h.backing_format, "raw") == 0) {
        backing.format = BLOCK_FORMAT_RAW;
    } else if (strcmp(q->h.backing_format, "qcow2") == 0) {
        backing.format = BLOCK_FORMAT_QCOW2;
    } else {
        log_error("the disk %s does not say whether its backing file %s is raw or qcow2: "
                  "'qemu-img rebase -u -F FORMAT -b FILE' has it say so",
                  options->path, name);
        return false;
    }
    int len = snprintf(path, sizeof(path), "%.*s%s",
                       *name == '/' || !slash ? 0 : (int)(slash - options->path + 1), options->path,
                       name);
    if (len < 0 || (size_t)len >= sizeof(path)) {
        log_error("the name of the backing file of the disk %s is too long", options->path);
        return false;
    }
    q->backing = block_open_at(q->aio, &backing, depth + 1);
    if (!q->backing && depth == 0)
        log_error("that is the backing file of the disk %s", options->path);
    return q->backing;
}

/* Features that a writer who doesn't know them must clear: bitmaps, among others. */
static bool clear_features(const struct qcow2 *q)
{
    const uint8_t none[8] = { 0 };
    return q->block.read_only || q->h.autoclear == 0 ||
           fd_pwrite_full(q->file.fd, none, sizeof(none), AUTOCLEAR_AT) == 0;
}

struct block_dev *qcow2_create(struct aio *aio, struct image_file *file,
                               const struct block_options *options, unsigned depth)
{
    struct qcow2 *q = calloc(1, sizeof(*q));
    if (!q) {
        log_error("no memory for the disk %s", options->path);
        image_file_close(file);
        return NULL;
    }
    q->aio = aio;
    q->file = *file;
    q->sync = (struct block_sync){ .aio = aio, .fd = file->fd, .failed = sync_failed };
    if (!qcow2_header_read(&q->h, file, options->path, options->read_only))
        goto error;
    q->cluster = 1u << q->h.cluster_bits;
    q->block = (struct block_dev){ .ops = &qcow2_ops,
                                   .size = q->h.size,
                                   .block_size = BLOCK_SECTOR,
                                   .discard_unit = q->cluster,
                                   .read_only = options->read_only };
    if (!allocate(q, options->path) || !open_backing(q, options, depth))
        goto error;
    if (clear_features(q))
        return &q->block;
    log_error("can't write to the disk %s", options->path);
error:
    destroy(q);
    return NULL;
}
