// SPDX-License-Identifier: MIT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "disks"
#include "vmm/app/disks.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/block/block.h"
#include "vmm/virtio/blk.h"

struct disk {
    struct loop_thread io;
    bool running;
    struct virtio_dev *dev;
};

struct disks {
    unsigned n;
    struct disk disk[OPTIONS_MAX_DISKS];
};

static bool disk_init(struct disk *disk, const struct disk_options *options, unsigned index)
{
    char name[16], id[32];
    struct block_dev *block = block_raw_open(options->path, options->read_only);
    if (!block)
        return false;
    snprintf(name, sizeof(name), "disk %u", index);
    snprintf(id, sizeof(id), "vitrine-%u", index);
    int err = loop_thread_start(&disk->io, name);
    if (err < 0) {
        log_error("can't start the thread of disk %s: %s", options->path, strerror(-err));
        block_close(block);
        return false;
    }
    disk->running = true;
    disk->dev = virtio_blk_create(disk->io.loop, block, id);
    if (!disk->dev)
        log_error("out of memory");
    return disk->dev;
}

struct disks *disks_create(const struct disk_options *options, unsigned n)
{
    struct disks *disks = calloc(1, sizeof(*disks));
    if (!disks) {
        log_error("out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < n; i++) {
        disks->n++;
        if (!disk_init(&disks->disk[i], &options[i], i)) {
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
        loop_thread_finish(&disks->disk[i].io);
    }
    free(disks);
}

struct virtio_dev *disks_dev(struct disks *disks, unsigned i)
{
    return disks->disk[i].dev;
}
