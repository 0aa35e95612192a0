// SPDX-License-Identifier: MIT
#include "vmm/virtio/vhost_user_inflight.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/inflight.h"

#define PAGE 4096ull

static bool shape_ok(const struct vhost_user_inflight_desc *desc)
{
    return desc->n_queues > 0 && desc->n_queues <= VIRTIO_MAX_QUEUES && desc->queue_size > 0 &&
           desc->queue_size <= VIRTQ_MAX_SIZE;
}

static uint64_t table_size(const struct vhost_user_inflight_desc *desc)
{
    return desc->n_queues * inflight_region_size(desc->queue_size);
}

int vhost_user_inflight_make(struct vhost_user_inflight_desc *desc)
{
    if (!shape_ok(desc))
        return -EPROTO;
    desc->size = ALIGN_UP(table_size(desc), PAGE);
    desc->offset = 0;
    return fd_memfd_sealed("in-flight", desc->size);
}

int vhost_user_inflight_map(struct vhost_user_inflight *table,
                            const struct vhost_user_inflight_desc *desc, int fd)
{
    struct stat st;
    uint64_t end;

    /* A mapping past the file's end would fault when touched. */
    if (!shape_ok(desc) || desc->size < table_size(desc) || desc->size > 64 * MIB ||
        desc->offset % PAGE != 0 || __builtin_add_overflow(desc->offset, desc->size, &end) ||
        fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || end > (uint64_t)st.st_size)
        return -EPROTO;
    void *map = mmap(NULL, desc->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)desc->offset);
    if (map == MAP_FAILED)
        return -errno;
    vhost_user_inflight_unmap(table);
    *table = (struct vhost_user_inflight){
        .map = map,
        .len = desc->size,
        .n_queues = desc->n_queues,
        .queue_size = desc->queue_size,
    };
    return 0;
}

struct inflight_region *vhost_user_inflight_region(const struct vhost_user_inflight *table,
                                                   unsigned queue, uint16_t size)
{
    if (!table->map || queue >= table->n_queues || size > table->queue_size)
        return NULL;
    return (struct inflight_region *)(void *)(table->map +
                                              queue * inflight_region_size(table->queue_size));
}

void vhost_user_inflight_unmap(struct vhost_user_inflight *table)
{
    if (table->map)
        munmap(table->map, table->len);
    *table = (struct vhost_user_inflight){ 0 };
}
