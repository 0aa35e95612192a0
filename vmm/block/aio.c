// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/aio_internal.h"

/* Bytes from which on copying takes longer than handing it to another thread. */
#define LARGE (128u << 10)
/* A write to the page cache that takes so long was made to wait; so will be some behind it. */
#define SLOW_NS 200000
#define SLOW_WRITES 256

int64_t aio_perform(const struct aio_req *req)
{
    int64_t n = -1;
    do {
        switch (req->op) {
        case AIO_READ:
            n = preadv(req->fd, req->iov, (int)req->n_iov, (off_t)req->offset);
            break;
        case AIO_WRITE:
            n = pwritev(req->fd, req->iov, (int)req->n_iov, (off_t)req->offset);
            break;
        case AIO_SYNC:
            n = fdatasync(req->fd);
            break;
        case AIO_ALLOCATE:
            n = fallocate(req->fd, req->mode, (off_t)req->offset, (off_t)req->length);
            break;
        }
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

struct aio_req *aio_take_pending(struct aio *aio)
{
    struct aio_req *req = aio->pending;
    if (req)
        aio->pending = req->next;
    return req;
}

void aio_complete(struct aio *aio, struct aio_req *req, int64_t result)
{
    aio->n_in_flight--;
    req->done(req, result);
}

bool aio_is_large(const struct aio_req *req)
{
    return iov_size(req->iov, req->n_iov) >= LARGE;
}

/* A write that only copies to the page cache. Where the file system makes writers wait (it has too many
 * dirty pages), the next ones do so beside each other. */
static bool write_at_once(struct aio *aio, struct aio_req *req)
{
    if (req->op != AIO_WRITE || req->direct || aio_is_large(req))
        return false;
    if (aio->slow_writes > 0) {
        aio->slow_writes--;
        return false;
    }
    uint64_t start = loop_now_ns();
    int64_t result = aio_perform(req);
    if (loop_now_ns() - start > SLOW_NS)
        aio->slow_writes = SLOW_WRITES;
    req->done(req, result);
    return true;
}

void aio_submit(struct aio *aio, struct aio_req *req)
{
    if (write_at_once(aio, req))
        return;
    aio->n_in_flight++;
    req->next = NULL;
    if (aio->pending)
        aio->pending_last->next = req;
    else
        aio->pending = req;
    aio->pending_last = req;
}

/* Requests that the kernel answers at once are told of at once, and what they lead to is submitted. */
static void before_sleep(struct loop_prepare *prepare)
{
    struct aio *aio = container_of(prepare, struct aio, prepare);
    while (aio->pending) {
        aio->ops->flush(aio);
        if (aio->ops->reap(aio, false) == 0)
            break;
    }
}

static void woken(struct loop_fd *source, uint32_t events)
{
    struct aio *aio = container_of(source, struct aio, wake);
    aio->ops->reap(aio, false);
}

void aio_drain(struct aio *aio)
{
    while (aio->n_in_flight > 0) {
        aio->ops->flush(aio);
        aio->ops->reap(aio, true);
    }
}

struct aio *aio_create(struct loop *loop, enum aio_kind kind)
{
    int err = 0;
    struct aio *aio = kind == AIO_THREADS ? NULL : aio_uring_create(loop, &err);
    if (!aio && kind == AIO_ANY)
        log_debug("no io_uring (%s): disks are served by threads", strerror(-err));
    if (!aio && kind != AIO_URING)
        aio = aio_threads_create(loop, &err);
    if (!aio) {
        log_error("can't have %s for a disk: %s%s", kind == AIO_URING ? "io_uring" : "threads",
                  strerror(-err), kind == AIO_URING ? " ('aio=threads' does without)" : "");
        return NULL;
    }
    loop_prepare_add(loop, &aio->prepare, before_sleep);
    err = loop_fd_add(loop, &aio->wake, aio->wake_fd, EPOLLIN, woken);
    if (err < 0) {
        log_error("can't watch a disk's completions: %s", strerror(-err));
        aio_destroy(aio);
        return NULL;
    }
    return aio;
}

void aio_destroy(struct aio *aio)
{
    if (!aio)
        return;
    BUG_ON(aio->n_in_flight > 0);
    loop_prepare_remove(&aio->prepare);
    loop_fd_remove(&aio->wake);
    aio->ops->destroy(aio);
}

const char *aio_name(const struct aio *aio)
{
    return aio->ops->name;
}
