// SPDX-License-Identifier: MIT
#include <errno.h>
#include <liburing.h>
#include <stdlib.h>

#define LOG_MODULE "disk"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/aio_internal.h"

#define ENTRIES 256
#define COMPLETIONS 4096

struct aio_uring {
    struct aio base;
    struct io_uring ring;
    struct loop_task again; /* the kernel took nothing and will wake us for nothing */
};

static void prepare_sqe(struct io_uring_sqe *sqe, struct aio_req *req, bool beside_others)
{
    switch (req->op) {
    case AIO_READ:
        if (req->n_iov == 1)
            io_uring_prep_read(sqe, req->fd, req->iov->iov_base, (unsigned)req->iov->iov_len,
                               req->offset);
        else
            io_uring_prep_readv(sqe, req->fd, req->iov, req->n_iov, req->offset);
        break;
    case AIO_WRITE:
        if (req->n_iov == 1)
            io_uring_prep_write(sqe, req->fd, req->iov->iov_base, (unsigned)req->iov->iov_len,
                                req->offset);
        else
            io_uring_prep_writev(sqe, req->fd, req->iov, req->n_iov, req->offset);
        break;
    case AIO_SYNC:
        io_uring_prep_fsync(sqe, req->fd, IORING_FSYNC_DATASYNC);
        break;
    case AIO_ALLOCATE:
        io_uring_prep_fallocate(sqe, req->fd, req->mode, (off_t)req->offset, (off_t)req->length);
        break;
    }
    io_uring_sqe_set_data(sqe, req);
    if (beside_others && req->op == AIO_READ && !req->direct && aio_is_large(req))
        sqe->flags |= IOSQE_ASYNC;
}

static void uring_flush(struct aio *aio)
{
    struct aio_uring *uring = container_of(aio, struct aio_uring, base);
    int err = 1;
    while (err > 0 && (aio->pending || io_uring_sq_ready(&uring->ring) > 0)) {
        struct io_uring_sqe *sqe;
        while (aio->pending && (sqe = io_uring_get_sqe(&uring->ring)))
            prepare_sqe(sqe, aio_take_pending(aio), aio->n_in_flight > 1);
        err = io_uring_submit(&uring->ring);
    }
    /* Short of memory, or of room for completions: another turn may find it better. */
    if (err <= 0)
        loop_post(aio->loop, &uring->again);
}

static unsigned uring_reap(struct aio *aio, bool wait)
{
    struct aio_uring *uring = container_of(aio, struct aio_uring, base);
    struct io_uring_cqe *cqe;
    unsigned n = 0;
    /* An error leaves what it leaves: the caller looks again. */
    if (wait)
        io_uring_submit_and_wait(&uring->ring, 1);
    while (io_uring_peek_cqe(&uring->ring, &cqe) == 0) {
        struct aio_req *req = io_uring_cqe_get_data(cqe);
        int64_t result = cqe->res;
        io_uring_cqe_seen(&uring->ring, cqe);
        if (result == -EAGAIN || result == -EINTR)
            result = aio_perform(req);
        aio_complete(aio, req, result);
        n++;
    }
    return n;
}

static void try_again(struct loop_task *task)
{
    struct aio_uring *uring = container_of(task, struct aio_uring, again);
    uring_flush(&uring->base);
}

static void uring_destroy(struct aio *aio)
{
    struct aio_uring *uring = container_of(aio, struct aio_uring, base);
    loop_task_cancel(aio->loop, &uring->again);
    io_uring_queue_exit(&uring->ring);
    free(uring);
}

static const struct aio_ops uring_ops = {
    .name = "io_uring", .flush = uring_flush, .reap = uring_reap, .destroy = uring_destroy
};

struct aio *aio_uring_create(struct loop *loop, int *err)
{
    struct aio_uring *uring = calloc(1, sizeof(*uring));
    struct io_uring_params params = { .flags = IORING_SETUP_CQSIZE | IORING_SETUP_COOP_TASKRUN,
                                      .cq_entries = COMPLETIONS };
    if (!uring) {
        *err = -ENOMEM;
        return NULL;
    }
    *err = io_uring_queue_init_params(ENTRIES, &uring->ring, &params);
    if (*err == -EINVAL) { /* before Linux 5.19 */
        params =
            (struct io_uring_params){ .flags = IORING_SETUP_CQSIZE, .cq_entries = COMPLETIONS };
        *err = io_uring_queue_init_params(ENTRIES, &uring->ring, &params);
    }
    if (*err < 0) {
        free(uring);
        return NULL;
    }
    uring->base = (struct aio){ .ops = &uring_ops, .loop = loop, .wake_fd = uring->ring.ring_fd };
    loop_task_init(&uring->again, try_again);
    return &uring->base;
}
