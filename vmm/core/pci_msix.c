// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "msix"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/core/irq.h"
#include "vmm/core/pci.h"
#include "vmm/core/pci_msix.h"

#define PBA_OFFSET 0x1000u

static_assert(PCI_MSIX_MAX_VECTORS * PCI_MSIX_ENTRY_SIZE <= PBA_OFFSET, "the table has its page");
static_assert(PCI_MSIX_MAX_VECTORS <= 64, "the pending bits are one word");

/* A table entry's words. */
enum { ADDR_LOW, ADDR_HIGH, DATA, CONTROL };

struct vector {
    uint32_t word[4];
    int gsi;
    bool stale; /* the kernel's route is not what the words say */
};

struct source {
    int fd;
    unsigned vector; /* or PCI_MSIX_NO_VECTOR */
    bool attached;   /* to the vector's GSI */
};

struct pci_msix {
    pthread_mutex_t lock; /* guards everything below */
    struct irq_router *router;
    const char *name;
    unsigned cap, bar;
    bool enabled, function_masked;
    unsigned n_vectors, n_sources;
    struct vector vector[PCI_MSIX_MAX_VECTORS];
    struct source source[PCI_MSIX_MAX_SOURCES];
};

static bool active(const struct pci_msix *m, unsigned v)
{
    return m->enabled && !m->function_masked &&
           !(m->vector[v].word[CONTROL] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void detach(struct pci_msix *m, struct source *s)
{
    if (!s->attached)
        return;
    int err = irq_detach(m->router, m->vector[s->vector].gsi, s->fd);
    if (err < 0)
        log_bug("%s: can't mask an interrupt: %s", m->name, strerror(-err));
    s->attached = false;
}

/* What was signalled meanwhile is signalled once more when the kernel listens: it then takes the count
 * with the interrupt, and does not leave it to look pending again. */
static int attach(struct pci_msix *m, struct source *s)
{
    bool pending = fd_event_take(s->fd);
    int err = irq_attach(m->router, m->vector[s->vector].gsi, s->fd);
    s->attached = err == 0;
    if (pending)
        fd_event_signal(s->fd);
    return err;
}

/* Brings the kernel's routes and irqfds to where vector v stands. False where the kernel refused. */
static bool refresh(struct pci_msix *m, unsigned v)
{
    struct vector *vec = &m->vector[v];
    bool on = active(m, v);
    int err = 0;
    if (on && vec->stale) {
        uint64_t addr = (uint64_t)vec->word[ADDR_HIGH] << 32 | vec->word[ADDR_LOW];
        err = irq_msi_route(m->router, vec->gsi, addr, vec->word[DATA]);
        vec->stale = err < 0;
    }
    for (unsigned i = 0; i < m->n_sources; i++) {
        struct source *s = &m->source[i];
        if (s->vector != v)
            continue;
        if (!on) {
            detach(m, s);
        } else if (!s->attached && err == 0) {
            err = attach(m, s);
        }
    }
    if (err < 0)
        log_guest("%s: the kernel refuses interrupt vector %u: %s", m->name, v, strerror(-err));
    return err == 0;
}

static void refresh_all(struct pci_msix *m)
{
    for (unsigned v = 0; v < m->n_vectors; v++)
        refresh(m, v);
}

int pci_msix_add(struct pci_dev *dev, struct irq_router *router, unsigned bar, unsigned n_vectors,
                 const int *source, unsigned n_sources)
{
    BUG_ON(n_vectors == 0 || n_vectors > PCI_MSIX_MAX_VECTORS || n_sources > PCI_MSIX_MAX_SOURCES);
    struct pci_msix *m = calloc(1, sizeof(*m));
    if (!m)
        return -ENOMEM;
    *m = (struct pci_msix){ .router = router, .name = dev->ops->name, .bar = bar };
    pthread_mutex_init(&m->lock, NULL);
    for (unsigned i = 0; i < n_sources; i++)
        m->source[i] = (struct source){ .fd = source[i], .vector = PCI_MSIX_NO_VECTOR };
    m->n_sources = n_sources;
    dev->msix = m;
    for (unsigned v = 0; v < n_vectors; v++) {
        int gsi = irq_msi_alloc(router);
        if (gsi < 0) {
            pci_msix_remove(dev);
            return gsi;
        }
        m->vector[v].gsi = gsi;
        m->n_vectors++;
    }
    pci_msix_reset(m);

    struct {
        uint8_t id, next;
        uint16_t control;
        uint32_t table, pba;
    } cap = { PCI_CAP_ID_MSIX, 0, (uint16_t)(n_vectors - 1), bar, PBA_OFFSET | bar };
    static_assert(sizeof(cap) == PCI_CAP_MSIX_SIZEOF, "PCIe 5.0, 7.7.2");
    m->cap = pci_dev_add_cap(dev, &cap, sizeof(cap));
    dev->wmask[m->cap + PCI_MSIX_FLAGS + 1] = (PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
    pci_dev_add_bar(dev, bar, PCI_MSIX_BAR_SIZE);
    return 0;
}

void pci_msix_remove(struct pci_dev *dev)
{
    struct pci_msix *m = dev->msix;
    if (!m)
        return;
    for (unsigned i = 0; i < m->n_sources; i++)
        detach(m, &m->source[i]);
    for (unsigned v = 0; v < m->n_vectors; v++)
        irq_msi_free(m->router, m->vector[v].gsi);
    pthread_mutex_destroy(&m->lock);
    free(m);
    dev->msix = NULL;
}

bool pci_msix_connect(struct pci_msix *m, unsigned source, unsigned vector)
{
    BUG_ON(source >= m->n_sources);
    struct source *s = &m->source[source];
    pthread_mutex_lock(&m->lock);
    detach(m, s);
    /* What is signalled while no vector is there for it is nobody's. */
    if (s->vector == PCI_MSIX_NO_VECTOR)
        fd_event_take(s->fd);
    bool ok = vector < m->n_vectors;
    s->vector = ok ? vector : PCI_MSIX_NO_VECTOR;
    if (ok && !refresh(m, vector)) {
        detach(m, s);
        s->vector = PCI_MSIX_NO_VECTOR;
        ok = false;
    }
    pthread_mutex_unlock(&m->lock);
    return ok || vector == PCI_MSIX_NO_VECTOR;
}

bool pci_msix_enabled(struct pci_msix *m)
{
    pthread_mutex_lock(&m->lock);
    bool enabled = m->enabled;
    pthread_mutex_unlock(&m->lock);
    return enabled;
}

bool pci_msix_owns_bar(const struct pci_msix *m, unsigned bar)
{
    return m && m->bar == bar;
}

/* One bit for each masked vector that one of its sources has signalled. Lock held. */
static uint64_t pending_bits(const struct pci_msix *m)
{
    uint64_t bits = 0;
    for (unsigned i = 0; i < m->n_sources; i++) {
        const struct source *s = &m->source[i];
        struct pollfd p = { .fd = s->fd, .events = POLLIN };
        if (s->vector != PCI_MSIX_NO_VECTOR && !active(m, s->vector) && poll(&p, 1, 0) == 1)
            bits |= 1ull << s->vector;
    }
    return bits;
}

void pci_msix_read(struct pci_msix *m, uint64_t offset, void *data, unsigned len)
{
    memset(data, 0, len);
    /* Other accesses are not defined (PCIe 5.0, 6.1.4.2). */
    if ((len != 4 && len != 8) || offset % len)
        return;
    pthread_mutex_lock(&m->lock);
    if (offset < m->n_vectors * PCI_MSIX_ENTRY_SIZE) {
        const struct vector *vec = &m->vector[offset / PCI_MSIX_ENTRY_SIZE];
        memcpy(data, (const uint8_t *)vec->word + offset % PCI_MSIX_ENTRY_SIZE, len);
    } else if (offset >= PBA_OFFSET && offset < PBA_OFFSET + sizeof(uint64_t)) {
        uint64_t bits = pending_bits(m);
        memcpy(data, (const uint8_t *)&bits + (offset - PBA_OFFSET), len);
    }
    pthread_mutex_unlock(&m->lock);
}

/* Lock held. */
static void write_word(struct pci_msix *m, unsigned v, unsigned word, uint32_t value)
{
    struct vector *vec = &m->vector[v];
    if (word == ADDR_LOW)
        value &= ~3u;
    if (word == CONTROL)
        value &= PCI_MSIX_ENTRY_CTRL_MASKBIT;
    else if (vec->word[word] != value)
        vec->stale = true;
    vec->word[word] = value;
}

void pci_msix_write(struct pci_msix *m, uint64_t offset, const void *data, unsigned len)
{
    if ((len != 4 && len != 8) || offset % len)
        return;
    if (offset >= m->n_vectors * PCI_MSIX_ENTRY_SIZE)
        return;
    unsigned v = (unsigned)(offset / PCI_MSIX_ENTRY_SIZE);
    unsigned first = offset % PCI_MSIX_ENTRY_SIZE / 4;
    pthread_mutex_lock(&m->lock);
    for (unsigned i = 0; i < len / 4; i++) {
        uint32_t value;
        memcpy(&value, (const uint8_t *)data + (size_t)i * 4, sizeof(value));
        write_word(m, v, first + i, value);
    }
    refresh(m, v);
    pthread_mutex_unlock(&m->lock);
}

void pci_msix_config_written(struct pci_dev *dev)
{
    struct pci_msix *m = dev->msix;
    unsigned flags = (unsigned)dev->config[m->cap + PCI_MSIX_FLAGS + 1] << 8;
    bool enabled = flags & PCI_MSIX_FLAGS_ENABLE, masked = flags & PCI_MSIX_FLAGS_MASKALL;
    pthread_mutex_lock(&m->lock);
    bool changed = enabled != m->enabled || masked != m->function_masked;
    m->enabled = enabled;
    m->function_masked = masked;
    if (changed)
        refresh_all(m);
    pthread_mutex_unlock(&m->lock);
}

void pci_msix_reset(struct pci_msix *m)
{
    pthread_mutex_lock(&m->lock);
    m->enabled = m->function_masked = false;
    for (unsigned i = 0; i < m->n_sources; i++) {
        detach(m, &m->source[i]);
        m->source[i].vector = PCI_MSIX_NO_VECTOR;
    }
    for (unsigned v = 0; v < m->n_vectors; v++) {
        struct vector *vec = &m->vector[v];
        *vec = (struct vector){ .gsi = vec->gsi, .stale = true };
        vec->word[CONTROL] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
    }
    pthread_mutex_unlock(&m->lock);
}
