/* SPDX-License-Identifier: MIT */
/*
 * A disk image behind a small vtable.
 *
 * Threads: a block device belongs to one loop, that of the struct aio it was opened on; submit is
 * called and done is answered there. done may be called from inside submit. Requests may finish in any
 * order; a flush covers the writes that were done when it was submitted. What has overlapping requests
 * under way at once gets one or the other.
 */
#ifndef VITRINE_BLOCK_BLOCK_H
#define VITRINE_BLOCK_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "vmm/block/transfer.h"

#define BLOCK_SECTOR 512u
/* The most that one BLOCK_DISCARD or BLOCK_WRITE_ZEROES may cover, bytes. */
#define BLOCK_MAX_ERASE (256u << 20)

struct aio;
struct block_dev;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD, BLOCK_WRITE_ZEROES };

/* Embedded by the caller, who keeps it and the buffers until done. */
struct block_req {
    enum block_op op;
    bool unmap;      /* BLOCK_WRITE_ZEROES may give the space back to the host */
    uint64_t offset; /* bytes; the request lies within the device's size, in whole sectors */
    uint64_t length; /* BLOCK_DISCARD and BLOCK_WRITE_ZEROES, bytes; what is discarded may keep its
                              * content */
    const struct iovec *iov; /* BLOCK_READ and BLOCK_WRITE; up to 1024 */
    unsigned n_iov;
    /* err: 0 with every byte transferred, or a negative errno; -ENOSPC and -EDQUOT: there was no room, and the
     * same request may succeed later. */
    void (*done)(struct block_req *req, int err);

    /* The device's, while it has the request. */
    struct block_dev *block;
    struct block_req *next;
    struct transfer transfer;
};

struct block_ops {
    void (*submit)(struct block_dev *block, struct block_req *req);
    /* Returns with no request in flight: each was answered. */
    void (*drain)(struct block_dev *block);
    /* Looks whether the image's size is another one than before, and takes it as the device's. NULL
     * where a size can't change. Returns whether it has changed. */
    bool (*remeasure)(struct block_dev *block);
    /* Gives the image another size, whole sectors, waiting for it. What is new reads as zeroes. 0 or a negative
     * errno: -EINVAL where it would shrink, -EOPNOTSUPP where this image can't grow. */
    int (*resize)(struct block_dev *block, uint64_t size);
    /* Reads len bytes, waiting for them; for a device that others stand on. 0 or a negative errno. */
    int (*read_now)(struct block_dev *block, uint64_t offset, void *buf, uint64_t len);
    /* No request is in flight. Frees the device. */
    void (*close)(struct block_dev *block);
};

struct block_dev {
    const struct block_ops *ops;
    uint64_t size;         /* bytes, whole sectors; written on the device's loop */
    uint32_t block_size;   /* the unit that is cheap to write, bytes: 512 to 4096 */
    uint32_t discard_unit; /* the unit in which space is given back, bytes, whole sectors */
    bool read_only;
    /* A flush has failed: what the page cache could not write, it has forgotten. No later flush succeeds, so that
     * nothing is gained by trying again. The device's loop. */
    bool lost;
};

static inline void block_submit(struct block_dev *block, struct block_req *req)
{
    block->ops->submit(block, req);
}

static inline void block_drain(struct block_dev *block)
{
    block->ops->drain(block);
}

/* Accepts NULL. */
static inline void block_close(struct block_dev *block)
{
    if (block)
        block->ops->close(block);
}

enum block_format { BLOCK_FORMAT_ANY, BLOCK_FORMAT_RAW, BLOCK_FORMAT_QCOW2 };

struct block_options {
    const char *path; /* a regular file or a block device */
    bool read_only;
    /* BLOCK_FORMAT_ANY: qcow2 by its magic number, else raw; a guest then can't write that number to the
     * beginning of a raw image, with which it could name any file of the host to be read. */
    enum block_format format;
    bool direct; /* data goes past the host's page cache (O_DIRECT) */
};

/* Opens an image on aio, which outlives it, and locks it (vmm/block/lock.h). NULL where it cannot be
 * had, said in one log line with what would be right. A size that is no whole number of sectors is
 * refused. */
struct block_dev *block_open(struct aio *aio, const struct block_options *options);

#endif
