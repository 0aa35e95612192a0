/* SPDX-License-Identifier: MIT */
/* A PCI host on a bus, with a device in slot 1 that has a BAR and MSI-X, and a plain one in slot 2. */
#ifndef VITRINE_TESTS_UNIT_PCI_BED_H
#define VITRINE_TESTS_UNIT_PCI_BED_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/core/bus.h"
#include "vmm/core/pci.h"

#define BAR_SIZE 0x4000u
#define N_VECTORS 3
#define N_SOURCES 4
#define MSIX_BAR 1

struct bed {
    struct bus bus;
    struct pci_host *host;
    struct pci_dev dev, plain; /* dev: BAR 0 is `reg` all over */
    int source[N_SOURCES];
    unsigned n_moved, n_config_writes;
    uint64_t moved_to;
    uint64_t last_offset;
    uint32_t reg;
    unsigned cap; /* MSI-X */
};

/* For more devices: one without anything. */
extern const struct pci_dev_ops bed_plain_ops;
extern const struct pci_ids bed_ids;

/* For cmocka: *state is a new bed's. */
int bed_set_up(void **state);
int bed_tear_down(void **state);
#define T(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)

/* As the guest does it. */
uint64_t bed_mmio_read(struct bed *bed, uint64_t gpa, unsigned len);
void bed_mmio_write(struct bed *bed, uint64_t gpa, uint64_t v, unsigned len);
/* The address of a register of the configuration space. */
uint64_t bed_ecam(unsigned slot, unsigned reg);
/* Of slot 1. */
uint32_t bed_config_read(struct bed *bed, unsigned reg, unsigned len);
void bed_config_write(struct bed *bed, unsigned reg, uint32_t v, unsigned len);
uint64_t bed_bar_gpa(struct bed *bed, unsigned bar);
/* The device answers at its BARs. */
void bed_memory_on(struct bed *bed);

#endif
