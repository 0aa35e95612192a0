// SPDX-License-Identifier: MIT
/*
 * KVM takes the routing table whole. Ours is kept in two parts: the fixed routes of the IOAPIC's and
 * PICs' pins, and one slot for each MSI. A change rebuilds the table from both.
 */
#include "vmm/core/irq.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"
#include "vmm/core/kvm.h"

#define LOG_MODULE "irq"
#include "vmm/base/log.h"

#define PIC_PINS 16
#define N_MSI (IRQ_MAX_GSI - IRQ_IOAPIC_PINS)

struct msi {
    bool used, routed;
    uint64_t addr;
    uint32_t data;
};

struct irq_router {
    struct kvm *kvm;
    pthread_mutex_t lock; /* guards what follows */
    struct msi msi[N_MSI];
    struct kvm_irq_routing *table; /* room for the largest, so that a change allocates nothing */
};

static void add_pin(struct kvm_irq_routing *table, unsigned gsi, unsigned chip, unsigned pin)
{
    table->entries[table->nr++] = (struct kvm_irq_routing_entry){
        .gsi = gsi,
        .type = KVM_IRQ_ROUTING_IRQCHIP,
        .u.irqchip = { .irqchip = chip, .pin = pin },
    };
}

static void add_pins(struct kvm_irq_routing *table)
{
    for (unsigned gsi = 0; gsi < PIC_PINS; gsi++) {
        /* Pin 2 of the first PIC is the second one's. */
        if (gsi != 2)
            add_pin(table, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE, gsi % 8);
    }
    for (unsigned gsi = 0; gsi < IRQ_IOAPIC_PINS; gsi++) {
        /* The timer is wired to pin 2, as the MADT says. */
        if (gsi != 2)
            add_pin(table, gsi, KVM_IRQCHIP_IOAPIC, gsi == 0 ? 2 : gsi);
    }
}

/* With the lock held. */
static int set_routing(struct irq_router *router)
{
    struct kvm_irq_routing *table = router->table;
    table->nr = 0;
    table->flags = 0;
    add_pins(table);
    for (unsigned i = 0; i < N_MSI; i++) {
        const struct msi *msi = &router->msi[i];
        if (!msi->routed)
            continue;
        table->entries[table->nr++] = (struct kvm_irq_routing_entry){
            .gsi = IRQ_IOAPIC_PINS + i,
            .type = KVM_IRQ_ROUTING_MSI,
            .u.msi = { .address_lo = (uint32_t)msi->addr,
                       .address_hi = (uint32_t)(msi->addr >> 32),
                       .data = msi->data },
        };
    }
    return ioctl(router->kvm->vm_fd, KVM_SET_GSI_ROUTING, table) < 0 ? -errno : 0;
}

struct irq_router *irq_router_create(struct kvm *kvm)
{
    struct irq_router *router = calloc(1, sizeof(*router));
    if (!router)
        return NULL;
    router->kvm = kvm;
    pthread_mutex_init(&router->lock, NULL);
    router->table = calloc(1, sizeof(*router->table) +
                                  (PIC_PINS + IRQ_MAX_GSI) * sizeof(router->table->entries[0]));
    if (!router->table || set_routing(router) < 0) {
        irq_router_destroy(router);
        return NULL;
    }
    return router;
}

void irq_router_destroy(struct irq_router *router)
{
    if (!router)
        return;
    pthread_mutex_destroy(&router->lock);
    free(router->table);
    free(router);
}

int irq_msi_alloc(struct irq_router *router)
{
    int gsi = -ENOSPC;
    pthread_mutex_lock(&router->lock);
    for (unsigned i = 0; i < N_MSI && gsi < 0; i++) {
        if (!router->msi[i].used) {
            router->msi[i] = (struct msi){ .used = true };
            gsi = IRQ_IOAPIC_PINS + (int)i;
        }
    }
    pthread_mutex_unlock(&router->lock);
    return gsi;
}

static struct msi *msi_of(struct irq_router *router, int gsi)
{
    BUG_ON(gsi < IRQ_IOAPIC_PINS || gsi >= IRQ_MAX_GSI);
    struct msi *msi = &router->msi[gsi - IRQ_IOAPIC_PINS];
    BUG_ON(!msi->used);
    return msi;
}

void irq_msi_free(struct irq_router *router, int gsi)
{
    pthread_mutex_lock(&router->lock);
    struct msi *msi = msi_of(router, gsi);
    bool routed = msi->routed;
    *msi = (struct msi){ 0 };
    if (routed && set_routing(router) < 0)
        log_bug("a routing table that only shrank was refused");
    pthread_mutex_unlock(&router->lock);
}

int irq_msi_route(struct irq_router *router, int gsi, uint64_t addr, uint32_t data)
{
    int err = 0;
    pthread_mutex_lock(&router->lock);
    struct msi *msi = msi_of(router, gsi);
    struct msi old = *msi;
    if (!old.routed || old.addr != addr || old.data != data) {
        *msi = (struct msi){ .used = true, .routed = true, .addr = addr, .data = data };
        err = set_routing(router);
        /* One route that KVM refuses must not spoil the next change of another. */
        if (err < 0)
            *msi = old;
    }
    pthread_mutex_unlock(&router->lock);
    return err;
}

static int set_irqfd(struct irq_router *router, int gsi, int eventfd, uint32_t flags)
{
    struct kvm_irqfd irqfd = { .fd = (uint32_t)eventfd, .gsi = (uint32_t)gsi, .flags = flags };
    return ioctl(router->kvm->vm_fd, KVM_IRQFD, &irqfd) < 0 ? -errno : 0;
}

int irq_attach(struct irq_router *router, int gsi, int eventfd)
{
    return set_irqfd(router, gsi, eventfd, 0);
}

int irq_detach(struct irq_router *router, int gsi, int eventfd)
{
    return set_irqfd(router, gsi, eventfd, KVM_IRQFD_FLAG_DEASSIGN);
}

int irq_line_open(struct irq_router *router, int gsi)
{
    autoclose int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    int err = irq_attach(router, gsi, fd);
    return err < 0 ? err : steal_fd(&fd);
}

void irq_line_close(struct irq_router *router, int gsi, int fd)
{
    if (fd < 0)
        return;
    irq_detach(router, gsi, fd);
    close(fd);
}
