/* SPDX-License-Identifier: MIT */
/* A list of buffers moved to or from a file, whole. Part of the block layer; on the aio's loop. */
#ifndef VITRINE_BLOCK_TRANSFER_H
#define VITRINE_BLOCK_TRANSFER_H

#include "vmm/block/aio.h"
#include "vmm/block/file.h"

/* Embedded by the caller, who keeps it, the list and the buffers until done. */
struct transfer {
    struct aio_req io;
    const struct image_file *file;
    /* err: 0 with every byte transferred, or a negative errno; -ENODATA where a read met the end of the
     * file. n_bytes says how many were. May be called from inside transfer_start(). */
    void (*done)(struct transfer *t, int err);
    uint64_t n_bytes;
};

/* op: AIO_READ or AIO_WRITE. */
void transfer_start(struct transfer *t, struct aio *aio, const struct image_file *file,
                    enum aio_op op, uint64_t offset, const struct iovec *iov, unsigned n_iov,
                    void (*done)(struct transfer *t, int err));

#endif
