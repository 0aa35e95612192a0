// SPDX-License-Identifier: MIT
/*
 * Reads of what is in the page cache are done by the loop's own thread; what would wait goes to one
 * of a few threads, by a queue. They put what is done on a list, and the first on it wakes the loop.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/aio_internal.h"

#define THREADS 8

struct aio_threads {
    struct aio base;
    unsigned n;
    pthread_t thread[THREADS];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct aio_req *queue, *queue_last; /* by next */
    struct aio_req *done;               /* by next, the last one first */
    bool quit;
};

static void *worker(void *arg)
{
    struct aio_threads *t = arg;
    pthread_mutex_lock(&t->lock);
    for (;;) {
        while (!t->queue && !t->quit)
            pthread_cond_wait(&t->work, &t->lock);
        struct aio_req *req = t->queue;
        if (!req)
            break;
        t->queue = req->next;
        pthread_mutex_unlock(&t->lock);
        req->result = aio_perform(req);
        pthread_mutex_lock(&t->lock);
        bool first = !t->done;
        req->next = t->done;
        t->done = req;
        if (first)
            fd_event_signal(t->base.wake_fd);
    }
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static bool done_at_once(struct aio *aio, struct aio_req *req)
{
    if (req->op != AIO_READ || req->direct || (aio->n_in_flight > 1 && aio_is_large(req)))
        return false;
    ssize_t n = preadv2(req->fd, req->iov, (int)req->n_iov, (off_t)req->offset, RWF_NOWAIT);
    /* What is cached of it only is no answer. */
    if (n < 0)
        return false;
    size_t wanted = 0;
    for (unsigned i = 0; i < req->n_iov; i++)
        wanted += req->iov[i].iov_len;
    if ((size_t)n < wanted)
        return false;
    aio_complete(aio, req, n);
    return true;
}

static void threads_flush(struct aio *aio)
{
    struct aio_threads *t = container_of(aio, struct aio_threads, base);
    struct aio_req *req;
    while ((req = aio_take_pending(aio))) {
        if (done_at_once(aio, req))
            continue;
        req->next = NULL;
        pthread_mutex_lock(&t->lock);
        if (t->queue)
            t->queue_last->next = req;
        else
            t->queue = req;
        t->queue_last = req;
        pthread_cond_signal(&t->work);
        pthread_mutex_unlock(&t->lock);
    }
}

static unsigned threads_reap(struct aio *aio, bool wait)
{
    struct aio_threads *t = container_of(aio, struct aio_threads, base);
    struct aio_req *list = NULL;
    unsigned n = 0;
    struct pollfd pfd = { .fd = aio->wake_fd, .events = POLLIN };
    if (wait && aio->n_in_flight > 0)
        poll(&pfd, 1, -1);
    pthread_mutex_lock(&t->lock);
    fd_event_take(aio->wake_fd);
    while (t->done) { /* back into the order in which they ended */
        struct aio_req *req = t->done;
        t->done = req->next;
        req->next = list;
        list = req;
    }
    pthread_mutex_unlock(&t->lock);
    while (list) {
        struct aio_req *req = list;
        list = req->next;
        aio_complete(aio, req, req->result);
        n++;
    }
    return n;
}

static void threads_destroy(struct aio *aio)
{
    struct aio_threads *t = container_of(aio, struct aio_threads, base);
    pthread_mutex_lock(&t->lock);
    t->quit = true;
    pthread_cond_broadcast(&t->work);
    pthread_mutex_unlock(&t->lock);
    for (unsigned i = 0; i < t->n; i++)
        pthread_join(t->thread[i], NULL);
    pthread_cond_destroy(&t->work);
    pthread_mutex_destroy(&t->lock);
    close(t->base.wake_fd);
    free(t);
}

static const struct aio_ops threads_ops = {
    .name = "threads", .flush = threads_flush, .reap = threads_reap, .destroy = threads_destroy
};

struct aio *aio_threads_create(struct loop *loop, int *err)
{
    struct aio_threads *t = calloc(1, sizeof(*t));
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (!t || fd < 0) {
        *err = t ? -errno : -ENOMEM;
        if (fd >= 0)
            close(fd);
        free(t);
        return NULL;
    }
    t->base = (struct aio){ .ops = &threads_ops, .loop = loop, .wake_fd = fd };
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->work, NULL);
    for (; t->n < THREADS; t->n++) {
        *err = -pthread_create(&t->thread[t->n], NULL, worker, t);
        if (*err < 0)
            break;
    }
    if (t->n == 0) {
        threads_destroy(&t->base);
        return NULL;
    }
    return &t->base;
}
