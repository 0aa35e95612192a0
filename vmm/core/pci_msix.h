/* SPDX-License-Identifier: MIT */
/*
 * MSI-X (PCI Express Base 5.0, 6.1.4 and 7.7.2): the table and the pending bits in a BAR of their
 * own, which pci.c routes here.
 *
 * A device has sources (eventfds: its queues' and its configuration's interrupt) and vectors, each
 * with a GSI; the driver says which source raises which vector, several may share one. A vector that
 * is masked, by itself, by its function or because MSI-X is off, is cut off from its sources: what
 * they signal stays in their eventfds, which is what the pending bits are read from, and is
 * delivered by the kernel when they are connected again.
 *
 * Everything is guarded by a lock of its own; any thread.
 */
#ifndef VITRINE_CORE_PCI_MSIX_H
#define VITRINE_CORE_PCI_MSIX_H

#include <stdbool.h>
#include <stdint.h>

struct irq_router;
struct pci_dev;
struct pci_msix;

#define PCI_MSIX_MAX_VECTORS 64
#define PCI_MSIX_MAX_SOURCES 64
#define PCI_MSIX_NO_VECTOR 0xffffu
#define PCI_MSIX_BAR_SIZE 0x2000u

/* Gives the device an MSI-X capability and a BAR for it. source: n_sources non-blocking eventfds,
 * the caller's, open for as long as the device lives. 0 or a negative errno. */
int pci_msix_add(struct pci_dev *dev, struct irq_router *router, unsigned bar, unsigned n_vectors,
                 const int *source, unsigned n_sources);
/* Frees the GSIs; dev->msix is NULL afterwards. Harmless where there is none. */
void pci_msix_remove(struct pci_dev *dev);

/* From now on the source raises the vector, or none (PCI_MSIX_NO_VECTOR). False, with none, where
 * there is no such vector or the kernel refused it. */
bool pci_msix_connect(struct pci_msix *msix, unsigned source, unsigned vector);
/* Whether the driver has turned MSI-X on. */
bool pci_msix_enabled(struct pci_msix *msix);

/* For pci.c: accesses to the BAR, the capability's control word as the guest left it, and a reset
 * (vectors masked, sources connected to none). */
bool pci_msix_owns_bar(const struct pci_msix *msix, unsigned bar);
void pci_msix_read(struct pci_msix *msix, uint64_t offset, void *data, unsigned len);
void pci_msix_write(struct pci_msix *msix, uint64_t offset, const void *data, unsigned len);
void pci_msix_config_written(struct pci_dev *dev);
void pci_msix_reset(struct pci_msix *msix);

#endif
