/* SPDX-License-Identifier: MIT */
/*
 * What tells the guest of devices that come and go on the PCI bus: three registers of 32 bits behind
 * LAYOUT_PCI_SLOTS_PORT, a bit for each slot, which the DSDT's methods use (vmm/core/x86/acpi.c):
 *
 *   0  read: the slots that a device came to, since the last read
 *   4  read: the slots whose device shall be let go of, since the last read
 *   8  write: the devices in these slots have been let go of (_EJ0)
 *
 * A change raises the general-purpose event ACPI_GPE_PCI_SLOTS.
 */
#ifndef VITRINE_DEV_PCI_SLOTS_H
#define VITRINE_DEV_PCI_SLOTS_H

#include <stdint.h>

struct bus;
struct pci_slots;
struct pm;

struct pci_slots_config {
    struct bus *pio;
    struct pm *pm; /* outlives it */
    /* The guest is done with the devices in these slots, a bit each; not all of them need have been asked back.
     * On a vCPU's thread, with no lock held; typically vcpus_park() and a task posted to the main loop. */
    void (*ejected)(void *data, uint32_t slots);
    void *data;
};

/* NULL where memory is short. */
struct pci_slots *pci_slots_create(const struct pci_slots_config *config);
/* Accepts NULL. */
void pci_slots_destroy(struct pci_slots *slots);
/* Forgets what was not read yet. While the vCPUs are parked. */
void pci_slots_reset(struct pci_slots *slots);

/* A device is in this slot now, or shall be let go of. Any thread. */
void pci_slots_came(struct pci_slots *slots, unsigned slot);
void pci_slots_ask_back(struct pci_slots *slots, unsigned slot);

#endif
