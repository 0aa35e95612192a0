// SPDX-License-Identifier: MIT
#include <errno.h>

#include "gpu/backing.h"
#include "gpu/udmabuf.h"
#include "vmm/core/mem.h"

#define PAGE_MASK 4095ull

int udmabuf_ranges(const struct backing *backing, const struct guest_mem *mem,
                   struct udmabuf_range *ranges, unsigned max)
{
    unsigned n = 0;

    for (unsigned i = 0; i < backing->n; i++) {
        const struct backing_entry *e = &backing->entry[i];
        struct udmabuf_range range = { .size = e->len };

        if (!guest_mem_locate(mem, e->gpa, e->len, &range.fd, &range.offset) ||
            ((range.offset | range.size) & PAGE_MASK))
            return -EINVAL;
        struct udmabuf_range *last = n ? &ranges[n - 1] : NULL;
        if (last && last->fd == range.fd && last->offset + last->size == range.offset) {
            last->size += range.size;
            continue;
        }
        if (n == max)
            return -E2BIG;
        ranges[n++] = range;
    }
    return (int)n;
}
