// SPDX-License-Identifier: MIT
/*
 * A page is given back by punching a hole into the file that is the guest's RAM: every process that has it
 * mapped loses the page with us, and the guest finds zeros when it touches it again. What a udmabuf holds
 * of it stays alive for that udmabuf alone; a guest that frees the pages of a picture wants it no more.
 */
#include <errno.h>
#include <linux/virtio_balloon.h>
#include <linux/virtio_ids.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LOG_MODULE "balloon"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/device.h"

#define BIT(n) (1ull << (n))
#define PAGE (1u << VIRTIO_BALLOON_PFN_SHIFT)
#define QUEUE_SIZE 128
/* Page numbers of one chain that are looked at; Linux sends as many at most. */
#define MAX_PFNS 256u
/* num_pages and actual: the others are for features that are not offered. */
#define CONFIG_LEN (2 * sizeof(uint32_t))

/* Which queues behind deflation a driver uses for reports depends on whether it counts those that it has
 * no feature for: Linux has done it either way. So whichever there is, is the one for reports. */
enum { INFLATE, DEFLATE, N_QUEUES = 5 };

struct balloon {
    struct virtio_dev dev;
    struct loop_task tell;
    /* Counters and the configuration: each stands for itself, so relaxed accesses serve. */
    atomic_uint target, actual; /* pages */
    atomic_ullong inflated, reported;
    bool refused; /* the host takes no memory back; said once */
    struct virtq_chain chain;
};

static struct balloon *from_dev(struct virtio_dev *dev)
{
    return container_of(dev, struct balloon, dev);
}

/* The whole pages of the range. Returns the bytes that were given back. */
static uint64_t give_back(struct balloon *balloon, void *start, size_t len)
{
    uintptr_t first = ALIGN_UP((uintptr_t)start, PAGE);
    uintptr_t end = ALIGN_DOWN((uintptr_t)start + len, PAGE);
    if (first >= end)
        return 0;
    if (madvise((void *)first, end - first, MADV_REMOVE) == 0)
        return end - first;
    if (!balloon->refused) {
        balloon->refused = true;
        log_warn("the host takes no memory back: %s", strerror(errno));
    }
    return 0;
}

/* A run of pages at a time, since Linux takes them mostly in a row. */
static void inflate(struct balloon *balloon, const struct virtq_chain *chain)
{
    uint32_t pfn[MAX_PFNS];
    size_t n = iov_read(chain->iov, chain->n_out, 0, pfn, sizeof(pfn)) / sizeof(pfn[0]);
    uint64_t sum = 0;
    for (size_t i = 0, run; i < n; i += run) {
        bool up = i + 1 < n && pfn[i + 1] == pfn[i] + 1;
        bool down = i + 1 < n && pfn[i + 1] == pfn[i] - 1;
        for (run = 1; i + run < n; run++) {
            if (!(up && pfn[i + run] == pfn[i] + run) && !(down && pfn[i + run] == pfn[i] - run))
                break;
        }
        uint64_t gpa = (uint64_t)(down ? pfn[i + run - 1] : pfn[i]) * PAGE;
        void *start = guest_mem_ptr(balloon->dev.mem, gpa, run * PAGE);
        if (start)
            sum += give_back(balloon, start, run * PAGE);
        else
            log_guest("balloon: pages at %#llx, which are not RAM", (unsigned long long)gpa);
    }
    atomic_fetch_add_explicit(&balloon->inflated, sum, memory_order_relaxed);
}

static void take_report(struct balloon *balloon, const struct virtq_chain *chain)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < chain->n_in; i++) {
        const struct iovec *iov = &chain->iov[chain->n_out + i];
        sum += give_back(balloon, iov->iov_base, iov->iov_len);
    }
    atomic_fetch_add_explicit(&balloon->reported, sum, memory_order_relaxed);
}

static void balloon_kick(struct virtio_dev *dev, struct virtq *q)
{
    struct balloon *balloon = from_dev(dev);
    /* At most a queue's worth in a turn: others wait on this loop. */
    for (unsigned n = 0; n < q->size; n++) {
        int got = virtq_pop(q, &balloon->chain);
        if (got < 0)
            virtio_dev_broken(dev);
        if (got <= 0) {
            virtq_notify(q);
            return;
        }
        if (q->index == INFLATE)
            inflate(balloon, &balloon->chain);
        else if (q->index !=
                 DEFLATE) /* which needs nothing done: a page comes when it is touched */
            take_report(balloon, &balloon->chain);
        virtq_push(q, balloon->chain.head, 0);
    }
    virtq_notify(q);
    fd_event_signal(q->kick_fd);
}

static int balloon_start(struct virtio_dev *dev)
{
    atomic_store_explicit(&from_dev(dev)->actual, 0, memory_order_relaxed);
    return 0;
}

static void balloon_stop(struct virtio_dev *dev)
{
}

static void balloon_get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    struct balloon *balloon = from_dev(dev);
    const uint32_t config[] = {
        atomic_load_explicit(&balloon->target, memory_order_relaxed),
        atomic_load_explicit(&balloon->actual, memory_order_relaxed),
    };
    memset(data, 0, len);
    if (offset < sizeof(config))
        memcpy(data, (const uint8_t *)config + offset, MIN(len, sizeof(config) - offset));
}

/* The driver says how much is in the balloon: `actual`, all of it. */
static void balloon_set_config(struct virtio_dev *dev, uint32_t offset, const void *data,
                               uint32_t len)
{
    uint32_t actual;
    if (offset != sizeof(uint32_t) || len != sizeof(actual))
        return;
    memcpy(&actual, data, sizeof(actual));
    atomic_store_explicit(&from_dev(dev)->actual, actual, memory_order_relaxed);
}

static const struct virtio_ops balloon_ops = {
    .name = "balloon",
    .device_id = VIRTIO_ID_BALLOON,
    .get_config = balloon_get_config,
    .set_config = balloon_set_config,
    .start = balloon_start,
    .stop = balloon_stop,
    .kick = balloon_kick,
};

static void tell_driver(struct loop_task *task)
{
    struct balloon *balloon = container_of(task, struct balloon, tell);
    if (balloon->dev.started)
        balloon->dev.transport->config_changed(&balloon->dev);
}

struct virtio_dev *virtio_balloon_create(struct loop *loop)
{
    struct balloon *balloon = calloc(1, sizeof(*balloon));
    if (!balloon) {
        log_error("no memory for the balloon");
        return NULL;
    }
    balloon->dev = (struct virtio_dev){
        .ops = &balloon_ops,
        .loop = loop,
        .offered = BIT(VIRTIO_BALLOON_F_DEFLATE_ON_OOM) | BIT(VIRTIO_BALLOON_F_REPORTING),
        .n_queues = N_QUEUES,
        .config_len = CONFIG_LEN,
    };
    for (unsigned i = 0; i < N_QUEUES; i++)
        balloon->dev.queue_size[i] = QUEUE_SIZE;
    loop_task_init(&balloon->tell, tell_driver);
    return &balloon->dev;
}

void virtio_balloon_destroy(struct virtio_dev *dev)
{
    if (!dev)
        return;
    struct balloon *balloon = from_dev(dev);
    loop_task_cancel(dev->loop, &balloon->tell);
    free(balloon);
}

void virtio_balloon_set_target(struct virtio_dev *dev, uint64_t bytes)
{
    struct balloon *balloon = from_dev(dev);
    atomic_store_explicit(&balloon->target, (unsigned)MIN(bytes / PAGE, UINT32_MAX),
                          memory_order_relaxed);
    loop_post(dev->loop, &balloon->tell);
}

void virtio_balloon_stats(struct virtio_dev *dev, struct virtio_balloon_stats *stats)
{
    const struct balloon *balloon = from_dev(dev);
    *stats = (struct virtio_balloon_stats){
        .held = (uint64_t)atomic_load_explicit(&balloon->actual, memory_order_relaxed) * PAGE,
        .inflated = atomic_load_explicit(&balloon->inflated, memory_order_relaxed),
        .reported = atomic_load_explicit(&balloon->reported, memory_order_relaxed),
    };
}
