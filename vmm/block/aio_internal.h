/* SPDX-License-Identifier: MIT */
/* What aio.c has in common with the two ways to do I/O behind it. */
#ifndef VITRINE_BLOCK_AIO_INTERNAL_H
#define VITRINE_BLOCK_AIO_INTERNAL_H

#include "vmm/base/loop.h"
#include "vmm/block/aio.h"

struct aio_ops {
    const char *name;
    /* Takes what aio->pending holds, as far as there is room. */
    void (*flush)(struct aio *aio);
    /* Calls done for what has completed; wait: for at least one. Returns how many. */
    unsigned (*reap)(struct aio *aio, bool wait);
    void (*destroy)(struct aio *aio);
};

/* First in each implementation's structure. */
struct aio {
    const struct aio_ops *ops;
    struct loop *loop;
    struct loop_prepare prepare;
    int wake_fd; /* the implementation's; readable where there is something to reap */
    struct loop_fd wake;
    struct aio_req *pending, *pending_last; /* a queue, by next */
    unsigned slow_writes;                   /* so many of the next writes are not done at once */
    unsigned n_in_flight;                   /* submitted, the pending ones included */
};

/* The request, now: bytes, or a negative errno. Any thread. */
int64_t aio_perform(const struct aio_req *req);
/* Whether the copying alone is worth another thread. */
bool aio_is_large(const struct aio_req *req);
/* Takes the first request off the pending ones; NULL where there are none. */
struct aio_req *aio_take_pending(struct aio *aio);
/* Tells the caller; the request may be gone afterwards. */
void aio_complete(struct aio *aio, struct aio_req *req, int64_t result);

/* NULL where it can't be had, with *err a negative errno. */
struct aio *aio_uring_create(struct loop *loop, int *err);
struct aio *aio_threads_create(struct loop *loop, int *err);

#endif
