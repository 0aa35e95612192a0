// SPDX-License-Identifier: MIT
#include "vmm/block/transfer.h"

#include <errno.h>
#include <unistd.h>

#include "vmm/base/iov.h"
#include "vmm/base/util.h"

/* Buffer by buffer, from where a transfer ended early: what follows is rare, and mostly an error. */
static int rest(struct transfer *t)
{
    const struct aio_req *io = &t->io;
    uint64_t skip = t->n_bytes;
    for (unsigned i = 0; i < io->n_iov; i++) {
        size_t part = MIN(skip, io->iov[i].iov_len);
        skip -= part;
        uint8_t *buf = (uint8_t *)io->iov[i].iov_base + part;
        size_t len = io->iov[i].iov_len - part;
        while (len > 0) {
            off_t at = (off_t)(io->offset + t->n_bytes);
            ssize_t n = io->op == AIO_WRITE ? pwrite(t->file->fd, buf, len, at)
                                            : pread(t->file->fd, buf, len, at);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0)
                return -errno;
            if (n == 0)
                return -ENODATA;
            buf += n;
            len -= (size_t)n;
            t->n_bytes += (uint64_t)n;
        }
    }
    return 0;
}

static void io_done(struct aio_req *req, int64_t result)
{
    struct transfer *t = container_of(req, struct transfer, io);
    /* A file system may refuse what is not aligned to its liking; the page cache takes everything. */
    if (result == -EINVAL && req->direct)
        result = 0;
    if (result < 0) {
        t->done(t, (int)result);
        return;
    }
    t->n_bytes = (uint64_t)result;
    t->done(t, t->n_bytes == iov_size(req->iov, req->n_iov) ? 0 : rest(t));
}

void transfer_start(struct transfer *t, struct aio *aio, const struct image_file *file,
                    enum aio_op op, uint64_t offset, const struct iovec *iov, unsigned n_iov,
                    void (*done)(struct transfer *t, int err))
{
    t->io =
        (struct aio_req){ .op = op, .offset = offset, .iov = iov, .n_iov = n_iov, .done = io_done };
    t->file = file;
    t->done = done;
    t->n_bytes = 0;
    image_file_aim(file, &t->io);
    aio_submit(aio, &t->io);
}
