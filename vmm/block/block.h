/* SPDX-License-Identifier: MIT */
/*
 * A disk image behind a small vtable.
 *
 * Threads: a block device belongs to one loop; submit is called and done is answered there. done may
 * be called from inside submit. Requests may finish in any order; a flush covers the writes that
 * were done when it was submitted.
 */
#ifndef VITRINE_BLOCK_BLOCK_H
#define VITRINE_BLOCK_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#define BLOCK_SECTOR 512u

struct block_dev;

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH };

/* Embedded by the caller, who keeps it and the buffers until done. */
struct block_req {
    enum block_op op;
    uint64_t offset; /* bytes; the request lies within the device's size, in whole sectors */
    const struct iovec *iov;
    unsigned n_iov;
    /* err: 0 with every byte transferred, or a negative errno. */
    void (*done)(struct block_req *req, int err);
};

struct block_ops {
    void (*submit)(struct block_dev *block, struct block_req *req);
    /* No request is in flight. Frees the device. */
    void (*close)(struct block_dev *block);
};

struct block_dev {
    const struct block_ops *ops;
    uint64_t size;       /* bytes, whole sectors */
    uint32_t block_size; /* the unit that is cheap to write, bytes: 512 to 4096 */
    bool read_only;
};

static inline void block_submit(struct block_dev *block, struct block_req *req)
{
    block->ops->submit(block, req);
}

/* Accepts NULL. */
static inline void block_close(struct block_dev *block)
{
    if (block)
        block->ops->close(block);
}

/* A raw image: a regular file or a block device. NULL where it cannot be had, said in one log line
 * with what would be right. A size that is no whole number of sectors is refused. */
struct block_dev *block_raw_open(const char *path, bool read_only);

#endif
