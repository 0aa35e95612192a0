/* SPDX-License-Identifier: MIT */
/* The ACPI tables of this machine (ACPI 6.5): RSDP, XSDT, FADT, FACS, MADT, MCFG, DSDT. */
#ifndef VITRINE_CORE_X86_ACPI_H
#define VITRINE_CORE_X86_ACPI_H

#include <stddef.h>
#include <stdint.h>

/* The SLP_TYP of soft-off, S5, that the DSDT announces and the PM1 control register knows. */
#define ACPI_SLP_TYP_S5 5

/* The general-purpose event by which devices come and go on the PCI bus (vmm/dev/pci_slots.h). */
#define ACPI_GPE_PCI_SLOTS 1

/* Writes LAYOUT_ACPI_SIZE bytes that belong at gpa, the RSDP first; cpus: 1..VCPU_MAX. Returns how
 * many of them the tables take. */
size_t x86_acpi_build(uint8_t *tables, uint32_t gpa, unsigned cpus);

#endif
