// SPDX-License-Identifier: MIT
/* A raw image: the device's bytes are the file's. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/open.h"
#include "vmm/block/sync.h"

struct raw {
    struct block_dev block;
    struct aio *aio;
    struct image_file file;
    struct block_sync sync;
    bool guarded;
    bool no_zero_range; /* the file system has no FALLOC_FL_ZERO_RANGE */
};

static void transferred(struct transfer *t, int err)
{
    struct block_req *req = container_of(t, struct block_req, transfer);
    /* A file that shrank. */
    req->done(req, err == -ENODATA ? -EIO : err);
}

static void sync_failed(struct block_dev *block, int err)
{
    block->lost = true;
}

static void discarded(struct aio_req *io, int64_t result)
{
    struct block_req *req = container_of(io, struct block_req, transfer.io);
    /* It was advice. */
    req->done(req, result == -EOPNOTSUPP ? 0 : (int)result);
}

/* For a file system that can't do better; the disk's thread waits. */
static int write_zeroes(const struct raw *raw, uint64_t offset, uint64_t length)
{
    static const uint8_t zeroes[64 * 1024];
    while (length > 0) {
        size_t part = MIN(length, sizeof(zeroes));
        int err = fd_pwrite_full(raw->file.fd, zeroes, part, offset);
        if (err < 0)
            return err;
        offset += part;
        length -= part;
    }
    return 0;
}

static void zeroed(struct aio_req *io, int64_t result)
{
    struct block_req *req = container_of(io, struct block_req, transfer.io);
    struct raw *raw = container_of(req->block, struct raw, block);
    if (result == -EOPNOTSUPP) {
        raw->no_zero_range |= !req->unmap;
        result = write_zeroes(raw, req->offset, req->length);
    }
    req->done(req, (int)result);
}

static void allocate(struct raw *raw, struct block_req *req, int mode,
                     void (*done)(struct aio_req *io, int64_t result))
{
    req->transfer.io = (struct aio_req){ .op = AIO_ALLOCATE,
                                         .fd = raw->file.fd,
                                         .mode = mode | FALLOC_FL_KEEP_SIZE,
                                         .offset = req->offset,
                                         .length = req->length,
                                         .done = done };
    aio_submit(raw->aio, &req->transfer.io);
}

/* Buffer by buffer, from `skip` bytes on; the disk's thread waits. */
static int write_behind(const struct raw *raw, const struct block_req *req, size_t skip)
{
    uint64_t offset = req->offset + skip;
    for (unsigned i = 0; i < req->n_iov; i++) {
        size_t part = MIN(skip, req->iov[i].iov_len);
        size_t len = req->iov[i].iov_len - part;
        skip -= part;
        int err = fd_pwrite_full(raw->file.fd, (uint8_t *)req->iov[i].iov_base + part, len, offset);
        if (err < 0)
            return err;
        offset += len;
    }
    return 0;
}

/* The first sector by way of a copy, which the guest can't change any more. */
static int write_guarded(const struct raw *raw, const struct block_req *req)
{
    uint8_t first[BLOCK_SECTOR];
    size_t len = iov_read(req->iov, req->n_iov, 0, first, sizeof(first));
    if (len >= 4 && memcmp(first, QCOW2_MAGIC, 4) == 0) {
        log_guest("a write that would turn a raw disk into a qcow2 image is refused; 'format=raw' "
                  "on the command line allows it");
        return -EPERM;
    }
    int err = fd_pwrite_full(raw->file.fd, first, len, 0);
    return err < 0 ? err : write_behind(raw, req, len);
}

static void raw_submit(struct block_dev *block, struct block_req *req)
{
    struct raw *raw = container_of(block, struct raw, block);
    int punch = FALLOC_FL_PUNCH_HOLE;
    req->block = block;
    switch (req->op) {
    case BLOCK_READ:
        transfer_start(&req->transfer, raw->aio, &raw->file, AIO_READ, req->offset, req->iov,
                       req->n_iov, transferred);
        break;
    case BLOCK_WRITE:
        if (raw->guarded && req->offset == 0)
            req->done(req, write_guarded(raw, req));
        else
            transfer_start(&req->transfer, raw->aio, &raw->file, AIO_WRITE, req->offset, req->iov,
                           req->n_iov, transferred);
        break;
    case BLOCK_FLUSH:
        block_sync_submit(&raw->sync, req);
        break;
    case BLOCK_DISCARD:
        allocate(raw, req, punch, discarded);
        break;
    case BLOCK_WRITE_ZEROES:
        if (!req->unmap && raw->no_zero_range)
            req->done(req, write_zeroes(raw, req->offset, req->length));
        else
            allocate(raw, req, req->unmap ? punch : FALLOC_FL_ZERO_RANGE, zeroed);
        break;
    }
}

static void raw_drain(struct block_dev *block)
{
    aio_drain(container_of(block, struct raw, block)->aio);
}

static bool raw_remeasure(struct block_dev *block)
{
    const struct raw *raw = container_of(block, struct raw, block);
    int64_t size = image_file_size(&raw->file);
    uint64_t whole = size < 0 ? 0 : (uint64_t)size / BLOCK_SECTOR * BLOCK_SECTOR;
    if (whole == 0 || whole == block->size)
        return false;
    block->size = whole;
    return true;
}

static int raw_resize(struct block_dev *block, uint64_t size)
{
    const struct raw *raw = container_of(block, struct raw, block);
    struct stat st;
    if (size < block->size)
        return -EINVAL;
    if (fstat(raw->file.fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || block->read_only)
        return -EOPNOTSUPP;
    if (ftruncate(raw->file.fd, (off_t)size) < 0)
        return -errno;
    block->size = size;
    return 0;
}

static int raw_read_now(struct block_dev *block, uint64_t offset, void *buf, uint64_t len)
{
    return fd_pread_full(container_of(block, struct raw, block)->file.fd, buf, len, offset);
}

static void raw_close(struct block_dev *block)
{
    struct raw *raw = container_of(block, struct raw, block);
    image_file_close(&raw->file);
    free(raw);
}

static const struct block_ops raw_ops = { .submit = raw_submit,
                                          .drain = raw_drain,
                                          .remeasure = raw_remeasure,
                                          .resize = raw_resize,
                                          .read_now = raw_read_now,
                                          .close = raw_close };

static bool right_size(int64_t size, const char *path)
{
    if (size < 0)
        log_error("can't measure the disk %s: %s", path, strerror((int)-size));
    else if (size == 0)
        log_error("the disk %s is empty: 'truncate -s 8G FILE' makes a blank image", path);
    else if (size % BLOCK_SECTOR)
        log_error("the disk %s has %lld bytes, which is no whole number of 512-byte sectors: "
                  "'truncate -s %%512 FILE' pads an image",
                  path, (long long)size);
    else
        return true;
    return false;
}

struct block_dev *raw_create(struct aio *aio, struct image_file *file,
                             const struct block_options *options, bool guarded)
{
    int64_t size = image_file_size(file);
    struct raw *raw = right_size(size, options->path) ? calloc(1, sizeof(*raw)) : NULL;
    if (!raw) {
        if (size > 0 && size % BLOCK_SECTOR == 0)
            log_error("no memory for the disk %s", options->path);
        image_file_close(file);
        return NULL;
    }
    *raw = (struct raw){ .block = { .ops = &raw_ops,
                                    .size = (uint64_t)size,
                                    .block_size = file->sector,
                                    .discard_unit = 4096,
                                    .read_only = options->read_only },
                         .aio = aio,
                         .file = *file,
                         .sync = { .aio = aio, .fd = file->fd, .failed = sync_failed },
                         .guarded = guarded };
    return &raw->block;
}
