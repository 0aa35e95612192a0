/* SPDX-License-Identifier: MIT */
/*
 * An address space of device registers: port I/O and memory-mapped I/O are one each.
 *
 * Ranges are added before the vCPUs start and stay: look-ups take no lock. (PCI BARs, which the
 * guest moves, are found by the PCI host inside its one fixed window.) Handlers run on vCPU threads,
 * several at once: a device guards its own registers, and never waits for another thread's work.
 */
#ifndef VITRINE_CORE_BUS_H
#define VITRINE_CORE_BUS_H

#include <stdbool.h>
#include <stdint.h>

#define BUS_MAX_RANGES 32

struct bus_range;

struct bus_ops {
    const char *name;
    /* offset: from the range's base. len: 1, 2, 4 or 8 bytes, within the range. data is little
     * endian; a read that sets nothing returns all ones, which data holds on entry. */
    void (*read)(struct bus_range *range, uint64_t offset, void *data, unsigned len);
    void (*write)(struct bus_range *range, uint64_t offset, const void *data, unsigned len);
};

/* Embedded by the device; it outlives the bus's use. */
struct bus_range {
    const struct bus_ops *ops;
    uint64_t base, size;
};

struct bus {
    unsigned n_ranges;
    struct bus_range *range[BUS_MAX_RANGES]; /* sorted by base */
};

/* Adds a range that overlaps no other (overlap is a bug of ours). */
void bus_add(struct bus *bus, struct bus_range *range, uint64_t base, uint64_t size,
             const struct bus_ops *ops);

/* False where nothing answers at the address; a read then yields all ones. */
bool bus_read(const struct bus *bus, uint64_t addr, void *data, unsigned len);
bool bus_write(const struct bus *bus, uint64_t addr, const void *data, unsigned len);

#endif
