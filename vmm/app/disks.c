// SPDX-License-Identifier: MIT
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
    struct loop_thread io;
    bool running;
    struct aio *aio;
    struct virtio_dev *dev;
};

struct disks {
    unsigned n;
    struct disk disk[OPTIONS_MAX_DISKS];
};

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
    err = loop_thread_run(&disk->io, name);
    if (err < 0) {
        log_error("can't start the thread of disk %s: %s", options->path, strerror(-err));
        return false;
    }
    disk->running = true;
    return true;
}

struct disks *disks_create(const struct disk_options *options, unsigned n, unsigned cpus)
{
    struct disks *disks = calloc(1, sizeof(*disks));
    if (!disks) {
        log_error("out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        disks->n++;
        if (!disk_init(&disks->disk[i], &options[i], i, MIN(cpus, QUEUES))) {
            disks_stop(disks);
            disks_destroy(disks);
            return NULL;
        }
    }
    return disks;
}

void disks_stop(struct disks *disks)
{
    for (unsigned i = 0; i < disks->n; i++) {
        if (disks->disk[i].running)
            loop_thread_stop(&disks->disk[i].io);
        disks->disk[i].running = false;
    }
}

void disks_destroy(struct disks *disks)
{
    if (!disks)
        return;
    for (unsigned i = 0; i < disks->n; i++) {
        virtio_blk_destroy(disks->disk[i].dev);
        aio_destroy(disks->disk[i].aio);
        loop_thread_finish(&disks->disk[i].io);
    }
    free(disks);
}

struct virtio_dev *disks_dev(struct disks *disks, unsigned i)
{
    return disks->disk[i].dev;
}
