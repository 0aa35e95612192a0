// SPDX-License-Identifier: MIT
#include "vmm/virtio/inflight.h"

#include <errno.h>
#include <stddef.h>

#include "vmm/base/util.h"

uint64_t inflight_region_size(uint16_t queue_size)
{
    return ALIGN_UP(sizeof(struct inflight_region) + queue_size * sizeof(struct inflight_desc),
                    (uint64_t)INFLIGHT_ALIGN);
}

static void set_up(struct inflight_region *region, uint16_t size, uint16_t used_idx)
{
    region->desc_num = size;
    region->last_batch_head = 0;
    region->used_idx = used_idx;
    __atomic_store_n(&region->version, INFLIGHT_VERSION, __ATOMIC_RELEASE);
}

/* The chains of the last batch were given back, if the used ring says so. */
static void finish_batch(struct inflight_region *region, uint16_t size, uint16_t used_idx)
{
    uint16_t n = (uint16_t)(used_idx - region->used_idx);
    uint16_t head = region->last_batch_head;

    for (unsigned i = 0; i < MIN(n, size) && head < size; i++) {
        region->desc[head].inflight = 0;
        head = region->desc[head].next;
    }
    region->used_idx = used_idx;
}

int inflight_adopt(struct inflight_region *region, uint16_t size, uint16_t used_idx,
                   uint64_t *counter)
{
    int n = 0;

    *counter = 0;
    if (region->version == 0) {
        set_up(region, size, used_idx);
        return -ENODATA;
    }
    if (region->version != INFLIGHT_VERSION || region->desc_num != size || region->features != 0)
        return -EINVAL;
    finish_batch(region, size, used_idx);
    for (unsigned i = 0; i < size; i++) {
        if (!region->desc[i].inflight)
            continue;
        n++;
        *counter = MAX(*counter, region->desc[i].counter + 1);
    }
    return n;
}

bool inflight_oldest(const struct inflight_region *region, uint16_t size, uint16_t *head)
{
    const struct inflight_desc *oldest = NULL;

    for (unsigned i = 0; i < size; i++) {
        const struct inflight_desc *d = &region->desc[i];
        if (!d->inflight || (oldest && d->counter >= oldest->counter))
            continue;
        oldest = d;
        *head = (uint16_t)i;
    }
    return oldest;
}
