// SPDX-License-Identifier: MIT
#include "vmm/dev/pci_slots.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"
#include "vmm/core/x86/acpi.h"
#include "vmm/dev/pm.h"

#define CAME 0
#define ASKED_BACK 4
#define EJECTED 8
#define SIZE 12

struct pci_slots {
    struct pci_slots_config config;
    struct bus_range range;
    /* Taken by vCPUs that read them. pm_gpe()'s lock orders what is set with the guest's reading. */
    _Atomic uint32_t came, asked_back;
};

static void slots_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct pci_slots *s = container_of(range, struct pci_slots, range);
    uint32_t value = 0;
    if (len == sizeof(value) && offset == CAME)
        value = atomic_exchange(&s->came, 0);
    else if (len == sizeof(value) && offset == ASKED_BACK)
        value = atomic_exchange(&s->asked_back, 0);
    memset(data, 0, len);
    memcpy(data, &value, MIN(len, (unsigned)sizeof(value)));
}

static void slots_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pci_slots *s = container_of(range, struct pci_slots, range);
    uint32_t value;
    if (offset != EJECTED || len != sizeof(value))
        return;
    memcpy(&value, data, sizeof(value));
    s->config.ejected(s->config.data, value);
}

static const struct bus_ops slots_ops = { "pci slots", slots_read, slots_write };

struct pci_slots *pci_slots_create(const struct pci_slots_config *config)
{
    struct pci_slots *slots = calloc(1, sizeof(*slots));
    if (!slots)
        return NULL;
    slots->config = *config;
    bus_add(config->pio, &slots->range, LAYOUT_PCI_SLOTS_PORT, SIZE, &slots_ops);
    return slots;
}

void pci_slots_destroy(struct pci_slots *slots)
{
    free(slots);
}

void pci_slots_reset(struct pci_slots *slots)
{
    atomic_store(&slots->came, 0);
    atomic_store(&slots->asked_back, 0);
}

void pci_slots_came(struct pci_slots *slots, unsigned slot)
{
    atomic_fetch_or(&slots->came, 1u << slot);
    pm_gpe(slots->config.pm, ACPI_GPE_PCI_SLOTS);
}

void pci_slots_ask_back(struct pci_slots *slots, unsigned slot)
{
    atomic_fetch_or(&slots->asked_back, 1u << slot);
    pm_gpe(slots->config.pm, ACPI_GPE_PCI_SLOTS);
}
