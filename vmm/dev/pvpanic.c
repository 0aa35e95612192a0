// SPDX-License-Identifier: MIT
#include "vmm/dev/pvpanic.h"

#include <stdlib.h>

#include "vmm/base/util.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"

/* The only event of QEMU's three that is announced, and so the only one that a guest sends. */
#define EVENT_PANICKED 0x1

struct pvpanic {
    struct pvpanic_config config;
    struct bus_range range;
};

static void pvpanic_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    if (len == 1)
        *(uint8_t *)data = EVENT_PANICKED;
}

static void pvpanic_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pvpanic *pvpanic = container_of(range, struct pvpanic, range);
    if (*(const uint8_t *)data & EVENT_PANICKED)
        pvpanic->config.panicked(pvpanic->config.data);
}

static const struct bus_ops pvpanic_ops = {
    .name = "pvpanic",
    .read = pvpanic_read,
    .write = pvpanic_write,
};

struct pvpanic *pvpanic_create(const struct pvpanic_config *config)
{
    struct pvpanic *pvpanic = calloc(1, sizeof(*pvpanic));
    if (!pvpanic)
        return NULL;
    pvpanic->config = *config;
    bus_add(config->pio, &pvpanic->range, LAYOUT_PVPANIC_PORT, 1, &pvpanic_ops);
    return pvpanic;
}

void pvpanic_destroy(struct pvpanic *pvpanic)
{
    free(pvpanic);
}
