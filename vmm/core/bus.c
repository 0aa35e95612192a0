// SPDX-License-Identifier: MIT
#include "vmm/core/bus.h"

#include <string.h>

#define LOG_MODULE "bus"
#include "vmm/base/log.h"

/* The index of the first range whose base lies above addr. */
static unsigned upper_bound(const struct bus *bus, uint64_t addr)
{
    unsigned low = 0, high = bus->n_ranges;
    while (low < high) {
        unsigned mid = (low + high) / 2;
        if (bus->range[mid]->base <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

void bus_add(struct bus *bus, struct bus_range *range, uint64_t base, uint64_t size,
             const struct bus_ops *ops)
{
    BUG_ON(bus->n_ranges == BUS_MAX_RANGES);
    BUG_ON(size == 0 || base + (size - 1) < base);
    unsigned at = upper_bound(bus, base);
    if (at > 0 && base - bus->range[at - 1]->base < bus->range[at - 1]->size)
        BUG("%s overlaps %s", ops->name, bus->range[at - 1]->ops->name);
    if (at < bus->n_ranges && bus->range[at]->base - base < size)
        BUG("%s overlaps %s", ops->name, bus->range[at]->ops->name);

    memmove(&bus->range[at + 1], &bus->range[at], (bus->n_ranges - at) * sizeof(bus->range[0]));
    *range = (struct bus_range){ .ops = ops, .base = base, .size = size };
    bus->range[at] = range;
    bus->n_ranges++;
}

/* The range that holds the access whole. */
static struct bus_range *find(const struct bus *bus, uint64_t addr, unsigned len)
{
    unsigned at = upper_bound(bus, addr);
    if (at == 0)
        return NULL;
    struct bus_range *range = bus->range[at - 1];
    uint64_t offset = addr - range->base;
    return offset < range->size && len <= range->size - offset ? range : NULL;
}

bool bus_read(const struct bus *bus, uint64_t addr, void *data, unsigned len)
{
    memset(data, 0xff, len);
    struct bus_range *range = find(bus, addr, len);
    if (range)
        range->ops->read(range, addr - range->base, data, len);
    return range != NULL;
}

bool bus_write(const struct bus *bus, uint64_t addr, const void *data, unsigned len)
{
    struct bus_range *range = find(bus, addr, len);
    if (range)
        range->ops->write(range, addr - range->base, data, len);
    return range != NULL;
}
