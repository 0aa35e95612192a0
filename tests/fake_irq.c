// SPDX-License-Identifier: MIT
#include "tests/fake_irq.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>

#include "vmm/base/fd.h"
#include "vmm/core/irq.h"
#include "vmm/core/kvm.h"

struct fake_irq fake_irq;
/* Guards it where threads are about; a test that looks into it has none. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void fake_irq_clear(void)
{
    fake_irq = (struct fake_irq){ 0 };
}

void fake_irq_deliver(void)
{
    for (unsigned i = 0; i < fake_irq.n_irqfds; i++) {
        if (fd_event_take(fake_irq.irqfd[i].fd))
            fake_irq.gsi[fake_irq.irqfd[i].gsi].n_raised++;
    }
}

unsigned fake_irq_taken(uint32_t data)
{
    unsigned n = 0;
    fake_irq_deliver();
    for (unsigned i = 0; i < FAKE_MAX; i++) {
        if (!fake_irq.gsi[i].used || fake_irq.gsi[i].data != data)
            continue;
        n += fake_irq.gsi[i].n_raised;
        fake_irq.gsi[i].n_raised = 0;
    }
    return n;
}

int fake_ioeventfd_at(uint64_t gpa)
{
    for (unsigned i = 0; i < fake_irq.n_ioeventfds; i++) {
        if (fake_irq.ioeventfd[i].gpa == gpa)
            return fake_irq.ioeventfd[i].fd;
    }
    return -1;
}

static int gsi_alloc(void)
{
    for (int i = IRQ_IOAPIC_PINS; i < FAKE_MAX; i++) {
        if (!fake_irq.gsi[i].used) {
            fake_irq.gsi[i].used = true;
            fake_irq.n_gsis++;
            return i;
        }
    }
    return -ENOSPC;
}

static void gsi_free(int gsi)
{
    fake_irq.gsi[gsi].used = false;
    fake_irq.n_gsis--;
}

static int gsi_route(int gsi, uint64_t addr, uint32_t data)
{
    if (fake_irq.fail)
        return fake_irq.fail;
    fake_irq.gsi[gsi].addr = addr;
    fake_irq.gsi[gsi].data = data;
    fake_irq.gsi[gsi].n_routed++;
    return 0;
}

static int attach(int gsi, int eventfd)
{
    if (fake_irq.fail)
        return fake_irq.fail;
    for (unsigned i = 0; i < fake_irq.n_irqfds; i++) {
        if (fake_irq.irqfd[i].fd == eventfd)
            return -EBUSY;
    }
    fake_irq.irqfd[fake_irq.n_irqfds].gsi = gsi;
    fake_irq.irqfd[fake_irq.n_irqfds++].fd = eventfd;
    return 0;
}

static int detach(int gsi, int eventfd)
{
    for (unsigned i = 0; i < fake_irq.n_irqfds; i++) {
        if (fake_irq.irqfd[i].fd == eventfd && fake_irq.irqfd[i].gsi == gsi) {
            fake_irq.irqfd[i] = fake_irq.irqfd[--fake_irq.n_irqfds];
            return 0;
        }
    }
    return -ENOENT;
}

static int doorbell_add(uint64_t gpa, int eventfd)
{
    if (fake_irq.fail)
        return fake_irq.fail;
    if (fake_ioeventfd_at(gpa) >= 0)
        return -EEXIST;
    fake_irq.ioeventfd[fake_irq.n_ioeventfds].gpa = gpa;
    fake_irq.ioeventfd[fake_irq.n_ioeventfds++].fd = eventfd;
    return 0;
}

static int doorbell_remove(uint64_t gpa, int eventfd)
{
    for (unsigned i = 0; i < fake_irq.n_ioeventfds; i++) {
        if (fake_irq.ioeventfd[i].gpa == gpa && fake_irq.ioeventfd[i].fd == eventfd) {
            fake_irq.ioeventfd[i] = fake_irq.ioeventfd[--fake_irq.n_ioeventfds];
            return 0;
        }
    }
    return -ENOENT;
}

int irq_msi_alloc(struct irq_router *router)
{
    pthread_mutex_lock(&lock);
    int result = gsi_alloc();
    pthread_mutex_unlock(&lock);
    return result;
}

void irq_msi_free(struct irq_router *router, int gsi)
{
    pthread_mutex_lock(&lock);
    gsi_free(gsi);
    pthread_mutex_unlock(&lock);
}

int irq_msi_route(struct irq_router *router, int gsi, uint64_t addr, uint32_t data)
{
    pthread_mutex_lock(&lock);
    int result = gsi_route(gsi, addr, data);
    pthread_mutex_unlock(&lock);
    return result;
}

int irq_attach(struct irq_router *router, int gsi, int eventfd)
{
    pthread_mutex_lock(&lock);
    int result = attach(gsi, eventfd);
    pthread_mutex_unlock(&lock);
    return result;
}

int irq_detach(struct irq_router *router, int gsi, int eventfd)
{
    pthread_mutex_lock(&lock);
    int result = detach(gsi, eventfd);
    pthread_mutex_unlock(&lock);
    return result;
}

int kvm_ioeventfd_add(struct kvm *kvm, uint64_t gpa, int eventfd)
{
    pthread_mutex_lock(&lock);
    int result = doorbell_add(gpa, eventfd);
    pthread_mutex_unlock(&lock);
    return result;
}

int kvm_ioeventfd_remove(struct kvm *kvm, uint64_t gpa, int eventfd)
{
    pthread_mutex_lock(&lock);
    int result = doorbell_remove(gpa, eventfd);
    pthread_mutex_unlock(&lock);
    return result;
}
