/* SPDX-License-Identifier: MIT */
/*
 * Interrupts into the guest. Every source is an eventfd: a write to it raises the interrupt in the
 * kernel (irqfd), from any thread or process, without passing through ours.
 */
#ifndef VITRINE_CORE_IRQ_H
#define VITRINE_CORE_IRQ_H

#include <pthread.h>
#include <stdint.h>

struct kvm;

/* GSIs 0..23 are the IOAPIC's pins; MSI routes follow. */
#define IRQ_IOAPIC_PINS 24
#define IRQ_MAX_GSI 1024

struct irq_router; /* the VM's GSI routing table; guarded by its own lock, any thread */

/* NULL where memory is short. kvm stays the caller's and outlives the router. */
struct irq_router *irq_router_create(struct kvm *kvm);
/* Accepts NULL. */
void irq_router_destroy(struct irq_router *router);

/* A GSI for one MSI-X vector, routed nowhere yet. A GSI or -ENOSPC. */
int irq_msi_alloc(struct irq_router *router);
void irq_msi_free(struct irq_router *router, int gsi);
/* Routes the GSI to the MSI address and data that the guest programmed. 0 or a negative errno. */
int irq_msi_route(struct irq_router *router, int gsi, uint64_t addr, uint32_t data);

/* Connects an eventfd (edge: one write, one interrupt) to a GSI, or cuts it off. While it is cut
 * off, writes are kept in the eventfd and raise the interrupt when it is connected again. */
int irq_attach(struct irq_router *router, int gsi, int eventfd);
int irq_detach(struct irq_router *router, int gsi, int eventfd);

/* An eventfd (non-blocking, close-on-exec) attached to the GSI of an IOAPIC pin. The fd or a negative
 * errno. irq_line_close() detaches and closes it; harmless on a negative fd. */
int irq_line_open(struct irq_router *router, int gsi);
void irq_line_close(struct irq_router *router, int gsi, int fd);

#endif
