/* SPDX-License-Identifier: MIT */
/*
 * Flushes of one open file, one after another. Linux tells each open file of an error of writeback once
 * (errseq_t): of two fdatasync() at the same time one may take the error, and the other, which covers the same
 * data, succeed. So what comes while one is under way waits for the next, which is everybody's. Part of the
 * block layer; on the aio's loop.
 */
#ifndef VITRINE_BLOCK_SYNC_H
#define VITRINE_BLOCK_SYNC_H

#include "vmm/block/aio.h"

struct block_dev;
struct block_req;

/* Embedded by an image, which sets the first three fields; the rest is zero at first. */
struct block_sync {
    struct aio *aio;
    int fd;
    /* What the file has lost (err: a negative errno) must have the device's `lost` set when this returns. */
    void (*failed)(struct block_dev *block, int err);

    struct aio_req io;
    struct block_req *running, *waiting, *waiting_last; /* by next */
};

/* Answers the flush, whose block is set, once a sync that began later is done: with 0, or with -EIO where the
 * device has lost something by then. */
void block_sync_submit(struct block_sync *sync, struct block_req *req);

#endif
