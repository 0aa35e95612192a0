// SPDX-License-Identifier: MIT
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "disks"
#include "vmm/app/disks.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/block/aio.h"
#include "vmm/block/block.h"
#include "vmm/virtio/blk.h"

/* A disk's queues, where the user doesn't say: one for each processor, but no more than this, since one
 * thread serves them all. */
#define QUEUES 4u

struct disk {
    struct disks *disks;
    struct loop_thread io;
    bool running;
    struct aio *aio;
    struct virtio_dev *dev;
    char *path;   /* owned; NULL: there is no such disk */
    int held_err; /* ordered by posting held_task */
    struct loop_task held_task, retry_task;
    /* A new size goes to the disk's loop and comes back as what became of it; done: NULL where none is under
     * way. */
    struct loop_task resize_task, resized_task;
    uint64_t size;
    int resize_err;
    void (*done)(void *data, int err);
    void *done_data;
    bool closing; /* the closer has dev, aio and io until closed_task is posted */
    bool has_closer;
    pthread_t closer;
    struct loop_task closed_task;
};

struct disks {
    struct loop *loop; /* the main one */
    const struct disks_events *events;
    void *data;
    unsigned cpus;
    struct disk disk[OPTIONS_MAX_DISKS];
};

/* On the disk's loop. */
static void write_held(void *data, int err)
{
    struct disk *disk = data;
    disk->held_err = err;
    loop_post(disk->disks->loop, &disk->held_task);
}

static void tell_held(struct loop_task *task)
{
    struct disk *disk = container_of(task, struct disk, held_task);
    struct disks *disks = disk->disks;
    disks->events->held(disks->data, (unsigned)(disk - disks->disk), disk->held_err);
}

static void retry(struct loop_task *task)
{
    virtio_blk_retry(container_of(task, struct disk, retry_task)->dev);
}

static void resize(struct loop_task *task)
{
    struct disk *disk = container_of(task, struct disk, resize_task);
    disk->resize_err = virtio_blk_resize(disk->dev, disk->size);
    loop_post(disk->disks->loop, &disk->resized_task);
}

static void resized(struct loop_task *task)
{
    struct disk *disk = container_of(task, struct disk, resized_task);
    void (*done)(void *data, int err) = disk->done;
    disk->done = NULL;
    done(disk->done_data, disk->resize_err);
}

static void forget(struct disk *disk)
{
    free(disk->path);
    *disk = (struct disk){ 0 };
}

static void closed(struct loop_task *task)
{
    struct disk *disk = container_of(task, struct disk, closed_task);
    struct disks *disks = disk->disks;
    if (disk->has_closer)
        pthread_join(disk->closer, NULL);
    forget(disk);
    disks->events->closed(disks->data, (unsigned)(disk - disks->disk));
}

static bool disk_init(struct disk *disk, const struct disk_options *options, unsigned index,
                      unsigned queues)
{
    char name[16], id[32];
    snprintf(name, sizeof(name), "disk %u", index);
    snprintf(id, sizeof(id), "vitrine-%u", index);
    int err = loop_thread_create(&disk->io);
    if (err < 0) {
        log_error("can't make the loop of disk %s: %s", options->path, strerror(-err));
        return false;
    }
    loop_task_init(&disk->held_task, tell_held);
    loop_task_init(&disk->retry_task, retry);
    loop_task_init(&disk->resize_task, resize);
    loop_task_init(&disk->resized_task, resized);
    loop_task_init(&disk->closed_task, closed);
    disk->aio = aio_create(disk->io.loop, options->aio);
    struct block_dev *block =
        disk->aio ? block_open(disk->aio, &(struct block_options){ .path = options->path,
                                                                   .read_only = options->read_only,
                                                                   .format = options->format,
                                                                   .direct = options->direct })
                  : NULL;
    if (!block)
        return false;
    disk->dev = virtio_blk_create(disk->io.loop, block, *options->serial ? options->serial : id,
                                  options->queues > 0 ? options->queues : queues);
    if (!disk->dev)
        return false;
    virtio_blk_set_werror(disk->dev, options->werror_given ? options->werror : VIRTIO_BLK_HOLD_FULL,
                          write_held, disk);
    err = loop_thread_run(&disk->io, name);
    if (err < 0) {
        log_error("can't start the thread of disk %s: %s", options->path, strerror(-err));
        return false;
    }
    disk->running = true;
    return true;
}

void disks_stop_one(struct disks *disks, unsigned i)
{
    struct disk *disk = &disks->disk[i];
    if (disk->running)
        loop_thread_stop(&disk->io);
    disk->running = false;
}

/* Nothing of the disk's is in a queue any more. */
static void cancel_tasks(struct disk *disk)
{
    if (!disk->io.loop)
        return;
    loop_task_cancel(disk->io.loop, &disk->retry_task);
    loop_task_cancel(disk->io.loop, &disk->resize_task);
    loop_task_cancel(disk->disks->loop, &disk->held_task);
    loop_task_cancel(disk->disks->loop, &disk->resized_task);
    if (disk->done)
        disk->done(disk->done_data, -ECANCELED);
}

/* Its loop does not run. */
static void close_image(struct disk *disk)
{
    virtio_blk_destroy(disk->dev);
    aio_destroy(disk->aio);
    loop_thread_finish(&disk->io);
}

void disks_remove(struct disks *disks, unsigned i)
{
    struct disk *disk = &disks->disk[i];
    cancel_tasks(disk);
    close_image(disk);
    forget(disk);
}

static void *closer(void *data)
{
    struct disk *disk = data;
    close_image(disk);
    loop_post(disk->disks->loop, &disk->closed_task);
    return NULL;
}

void disks_close(struct disks *disks, unsigned i)
{
    struct disk *disk = &disks->disk[i];
    cancel_tasks(disk);
    disk->closing = true;
    disk->has_closer = pthread_create(&disk->closer, NULL, closer, disk) == 0;
    if (disk->has_closer)
        pthread_setname_np(disk->closer, "disk closes");
    else
        closer(disk);
}

bool disks_closing(const struct disks *disks, unsigned i)
{
    return disks->disk[i].closing;
}

int disks_add(struct disks *disks, const struct disk_options *options)
{
    unsigned i = 0;
    while (i < OPTIONS_MAX_DISKS && disks->disk[i].path)
        i++;
    if (i == OPTIONS_MAX_DISKS) {
        log_error("a VM has at most %d disks", OPTIONS_MAX_DISKS);
        return -1;
    }
    disks->disk[i].disks = disks;
    disks->disk[i].path = strdup(options->path);
    if (disks->disk[i].path && disk_init(&disks->disk[i], options, i, MIN(disks->cpus, QUEUES)))
        return (int)i;
    disks_stop_one(disks, i);
    disks_remove(disks, i);
    return -1;
}

struct disks *disks_create(struct loop *loop, const struct disk_options *options, unsigned n,
                           unsigned cpus, const struct disks_events *events, void *data)
{
    struct disks *disks = calloc(1, sizeof(*disks));
    if (!disks) {
        log_error("out of memory");
        return NULL;
    }
    *disks = (struct disks){ .loop = loop, .events = events, .data = data, .cpus = cpus };
    for (unsigned i = 0; i < n; i++) {
        if (disks_add(disks, &options[i]) < 0) {
            disks_stop(disks);
            disks_destroy(disks);
            return NULL;
        }
    }
    return disks;
}

void disks_stop(struct disks *disks)
{
    for (unsigned i = 0; i < OPTIONS_MAX_DISKS; i++)
        disks_stop_one(disks, i);
}

void disks_destroy(struct disks *disks)
{
    if (!disks)
        return;
    for (unsigned i = 0; i < OPTIONS_MAX_DISKS; i++) {
        struct disk *disk = &disks->disk[i];
        if (disk->closing) {
            if (disk->has_closer)
                pthread_join(disk->closer, NULL);
            loop_task_cancel(disks->loop, &disk->closed_task);
            forget(disk);
        } else {
            disks_remove(disks, i);
        }
    }
    free(disks);
}

void disks_retry(struct disks *disks)
{
    for (unsigned i = 0; i < OPTIONS_MAX_DISKS; i++) {
        if (disks->disk[i].path && !disks->disk[i].closing)
            loop_post(disks->disk[i].io.loop, &disks->disk[i].retry_task);
    }
}

void disks_resize(struct disks *disks, unsigned i, uint64_t size, void (*done)(void *data, int err),
                  void *data)
{
    struct disk *disk = &disks->disk[i];
    BUG_ON(disk->done);
    disk->size = size;
    disk->done = done;
    disk->done_data = data;
    loop_post(disk->io.loop, &disk->resize_task);
}

bool disks_resizing(const struct disks *disks, unsigned i)
{
    return disks->disk[i].done;
}

struct virtio_dev *disks_dev(struct disks *disks, unsigned i)
{
    return disks->disk[i].closing ? NULL : disks->disk[i].dev;
}

const char *disks_path(const struct disks *disks, unsigned i)
{
    return disks->disk[i].path;
}
