// SPDX-License-Identifier: MIT
#include "gpu/backing.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/core/mem.h"

int backing_init(struct backing *backing, const struct guest_mem *mem,
                 const struct virtio_gpu_mem_entry *entries, unsigned n)
{
    *backing = (struct backing){ 0 };
    struct backing_entry *list = calloc(MAX(n, 1u), sizeof(*list));
    if (!list)
        return -ENOMEM;

    unsigned used = 0;
    uint64_t size = 0;
    for (unsigned i = 0; i < n; i++) {
        uint64_t gpa = entries[i].addr;
        uint64_t len = entries[i].length;
        struct backing_entry *last = used ? &list[used - 1] : NULL;

        if (len == 0 || !guest_mem_ptr(mem, gpa, len)) {
            free(list);
            return -EINVAL;
        }
        if (last && last->gpa + last->len == gpa &&
            guest_mem_ptr(mem, last->gpa, last->len + len)) {
            last->len += len;
        } else {
            list[used++] = (struct backing_entry){ .start = size, .gpa = gpa, .len = len };
        }
        size += len; /* at most 2^32 entries of 2^32 bytes: no overflow */
    }
    struct backing_entry *fitted = realloc(list, MAX(used, 1u) * sizeof(*list));
    *backing = (struct backing){ .size = size, .n = used, .entry = fitted ? fitted : list };
    return 0;
}

void backing_finish(struct backing *backing)
{
    free(backing->entry);
    *backing = (struct backing){ 0 };
}

static unsigned find(const struct backing *backing, uint64_t offset)
{
    unsigned low = 0, high = backing->n;
    while (high - low > 1) {
        unsigned mid = low + (high - low) / 2;
        if (backing->entry[mid].start <= offset)
            low = mid;
        else
            high = mid;
    }
    return low;
}

bool backing_read(const struct backing *backing, const struct guest_mem *mem, uint64_t offset,
                  void *dst, size_t len)
{
    char *out = dst;

    if (offset > backing->size || len > backing->size - offset)
        return false;
    for (unsigned i = find(backing, offset); len > 0; i++) {
        const struct backing_entry *e = &backing->entry[i];
        uint64_t skip = offset - e->start;
        size_t chunk = MIN(len, e->len - skip);
        const void *src = guest_mem_ptr(mem, e->gpa + skip, chunk);
        if (!src)
            return false;
        memcpy(out, src, chunk);
        out += chunk;
        offset += chunk;
        len -= chunk;
    }
    return true;
}

bool backing_rows_fit(uint64_t size, uint64_t offset, uint32_t stride, uint32_t row_bytes,
                      uint32_t rows)
{
    uint64_t end;

    if (rows == 0)
        return offset <= size;
    /* 32 by 32 bits do not overflow 64; the sums may. */
    if (__builtin_add_overflow((uint64_t)stride * (rows - 1), row_bytes, &end) ||
        __builtin_add_overflow(end, offset, &end))
        return false;
    return end <= size;
}
