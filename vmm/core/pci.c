// SPDX-License-Identifier: MIT
#include <assert.h>
#include <errno.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define LOG_MODULE "pci"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci.h"
#include "vmm/core/pci_msix.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "configuration space is little endian");

#define ECAM_FUNCTION_SIZE 4096u
#define ECAM_SLOT_SHIFT 15
#define BAR_MIN_SIZE 4096u
#define BAR_MAX_SIZE (16u * 1024 * 1024)

#define WINDOW_END (LAYOUT_PCI_MMIO_BASE + LAYOUT_PCI_MMIO_SIZE)

struct pci_host {
    pthread_mutex_t lock; /* guards the devices' configuration spaces and where BARs answer */
    struct bus_range ecam, window;
    struct pci_dev *dev[PCI_MAX_DEVS]; /* by slot, NULL: empty; changes while no vCPU runs */
    struct pci_dev bridge;
};

static uint16_t get16(const uint8_t *p)
{
    uint16_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static uint32_t get32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof(v));
    return v;
}

static void put16(uint8_t *p, uint16_t v)
{
    memcpy(p, &v, sizeof(v));
}

static void put32(uint8_t *p, uint32_t v)
{
    memcpy(p, &v, sizeof(v));
}

/* Where the BAR answers, as its registers stand. Lock held. */
static uint64_t bar_address(const struct pci_dev *dev, unsigned i)
{
    if (!(get16(dev->config + PCI_COMMAND) & PCI_COMMAND_MEMORY))
        return PCI_BAR_OFF;
    uint64_t gpa = get32(dev->config + PCI_BASE_ADDRESS_0 + i * 4) & PCI_BASE_ADDRESS_MEM_MASK;
    if (gpa < LAYOUT_PCI_MMIO_BASE || gpa > WINDOW_END - dev->bar[i].size)
        return PCI_BAR_OFF;
    return gpa;
}

/* Lock held. */
static void update_bars(struct pci_dev *dev)
{
    for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
        if (dev->bar[i].size == 0)
            continue;
        uint64_t gpa = bar_address(dev, i);
        if (gpa == dev->bar[i].gpa)
            continue;
        dev->bar[i].gpa = gpa;
        if (dev->ops->bar_moved)
            dev->ops->bar_moved(dev, i, gpa);
    }
}

/* Lock held. offset + len is within the 256 bytes. */
static void config_write(struct pci_dev *dev, unsigned offset, const uint8_t *data, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        uint8_t mask = dev->wmask[offset + i];
        uint8_t *byte = &dev->config[offset + i];
        *byte = (uint8_t)((*byte & ~mask) | (data[i] & mask));
    }
    if (offset < PCI_CARDBUS_CIS)
        update_bars(dev);
    if (dev->msix)
        pci_msix_config_written(dev);
    if (dev->ops->config_written)
        dev->ops->config_written(dev, offset, len);
}

/* The device that an ECAM offset names; NULL where there is none. */
static struct pci_dev *ecam_device(struct pci_host *host, uint64_t offset)
{
    unsigned slot = (unsigned)(offset >> ECAM_SLOT_SHIFT);
    unsigned function = (offset / ECAM_FUNCTION_SIZE) & 7;
    return slot < PCI_MAX_DEVS && function == 0 ? host->dev[slot] : NULL;
}

static void ecam_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct pci_host *host = container_of(range, struct pci_host, ecam);
    struct pci_dev *dev = ecam_device(host, offset);
    unsigned reg = offset % ECAM_FUNCTION_SIZE;
    if (!dev)
        return;
    /* Extended space holds nothing, which a first capability header of zeros says. */
    memset(data, 0, len);
    if (reg >= PCI_CONFIG_SIZE)
        return;
    len = MIN(len, PCI_CONFIG_SIZE - reg);
    pthread_mutex_lock(&host->lock);
    if (dev->ops->config_read)
        dev->ops->config_read(dev, reg, len);
    memcpy(data, dev->config + reg, len);
    pthread_mutex_unlock(&host->lock);
}

static void ecam_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pci_host *host = container_of(range, struct pci_host, ecam);
    struct pci_dev *dev = ecam_device(host, offset);
    unsigned reg = offset % ECAM_FUNCTION_SIZE;
    if (!dev || reg >= PCI_CONFIG_SIZE)
        return;
    pthread_mutex_lock(&host->lock);
    config_write(dev, reg, data, MIN(len, PCI_CONFIG_SIZE - reg));
    pthread_mutex_unlock(&host->lock);
}

/* The device whose BAR holds the access whole; *bar and *offset say where. */
static struct pci_dev *find_bar(struct pci_host *host, uint64_t gpa, unsigned len, unsigned *bar,
                                uint64_t *offset)
{
    struct pci_dev *found = NULL;
    pthread_mutex_lock(&host->lock);
    for (unsigned i = 0; i < PCI_MAX_DEVS && !found; i++) {
        for (unsigned b = 0; host->dev[i] && b < PCI_MAX_BARS && !found; b++) {
            const struct pci_bar *candidate = &host->dev[i]->bar[b];
            if (candidate->gpa == PCI_BAR_OFF || gpa < candidate->gpa ||
                gpa - candidate->gpa + len > candidate->size)
                continue;
            found = host->dev[i];
            *bar = b;
            *offset = gpa - candidate->gpa;
        }
    }
    pthread_mutex_unlock(&host->lock);
    return found;
}

static void window_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct pci_host *host = container_of(range, struct pci_host, window);
    unsigned bar;
    uint64_t at;
    struct pci_dev *dev = find_bar(host, range->base + offset, len, &bar, &at);
    if (!dev)
        return;
    if (pci_msix_owns_bar(dev->msix, bar))
        pci_msix_read(dev->msix, at, data, len);
    else
        dev->ops->bar_read(dev, bar, at, data, len);
}

static void window_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pci_host *host = container_of(range, struct pci_host, window);
    unsigned bar;
    uint64_t at;
    struct pci_dev *dev = find_bar(host, range->base + offset, len, &bar, &at);
    if (!dev)
        return;
    if (pci_msix_owns_bar(dev->msix, bar))
        pci_msix_write(dev->msix, at, data, len);
    else
        dev->ops->bar_write(dev, bar, at, data, len);
}

static const struct bus_ops ecam_ops = { .name = "pci ecam",
                                         .read = ecam_read,
                                         .write = ecam_write };
static const struct bus_ops window_ops = { .name = "pci window",
                                           .read = window_read,
                                           .write = window_write };
static const struct pci_dev_ops bridge_ops = { .name = "host bridge" };

struct pci_host *pci_host_create(struct bus *mmio)
{
    struct pci_host *host = calloc(1, sizeof(*host));
    if (!host) {
        log_error("no memory for the PCI host");
        return NULL;
    }
    pthread_mutex_init(&host->lock, NULL);
    static const struct pci_ids ids = { .vendor = 0x1b36,
                                        .device = 0x0008,
                                        .class_code = 0x060000 };
    pci_dev_init(&host->bridge, &bridge_ops, &ids);
    pci_host_add(host, &host->bridge);
    bus_add(mmio, &host->ecam, LAYOUT_ECAM_BASE, LAYOUT_ECAM_SIZE, &ecam_ops);
    bus_add(mmio, &host->window, LAYOUT_PCI_MMIO_BASE, LAYOUT_PCI_MMIO_SIZE, &window_ops);
    return host;
}

void pci_host_destroy(struct pci_host *host)
{
    if (!host)
        return;
    pthread_mutex_destroy(&host->lock);
    free(host);
}

void pci_host_reset(struct pci_host *host)
{
    pthread_mutex_lock(&host->lock);
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        struct pci_dev *dev = host->dev[i];
        if (!dev)
            continue;
        memcpy(dev->config, dev->initial, sizeof(dev->config));
        update_bars(dev);
        if (dev->msix)
            pci_msix_reset(dev->msix);
    }
    pthread_mutex_unlock(&host->lock);
}

void pci_dev_init(struct pci_dev *dev, const struct pci_dev_ops *ops, const struct pci_ids *ids)
{
    *dev = (struct pci_dev){ .ops = ops, .cap_end = PCI_STD_HEADER_SIZEOF };
    uint8_t *c = dev->config;
    put16(c + PCI_VENDOR_ID, ids->vendor);
    put16(c + PCI_DEVICE_ID, ids->device);
    put32(c + PCI_CLASS_REVISION, ids->class_code << 8 | ids->revision);
    put16(c + PCI_SUBSYSTEM_VENDOR_ID, ids->subsystem_vendor);
    put16(c + PCI_SUBSYSTEM_ID, ids->subsystem);
    put16(dev->wmask + PCI_COMMAND,
          PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE);
    dev->wmask[PCI_CACHE_LINE_SIZE] = 0xff;
    dev->wmask[PCI_INTERRUPT_LINE] = 0xff;
    for (unsigned i = 0; i < PCI_MAX_BARS; i++)
        dev->bar[i].gpa = PCI_BAR_OFF;
}

void pci_dev_add_bar(struct pci_dev *dev, unsigned bar, uint32_t size)
{
    BUG_ON(bar >= PCI_MAX_BARS || dev->bar[bar].size > 0);
    BUG_ON(size < BAR_MIN_SIZE || size > BAR_MAX_SIZE || (size & (size - 1)));
    dev->bar[bar].size = size;
    put32(dev->wmask + PCI_BASE_ADDRESS_0 + bar * 4, ~(size - 1));
}

unsigned pci_dev_add_cap(struct pci_dev *dev, const void *cap, unsigned len)
{
    unsigned at = dev->cap_end;
    BUG_ON(len < 2 || len > PCI_CONFIG_SIZE - at);
    memcpy(dev->config + at, cap, len);
    dev->config[at + PCI_CAP_LIST_NEXT] = 0;
    if (dev->last_cap)
        dev->config[dev->last_cap + PCI_CAP_LIST_NEXT] = (uint8_t)at;
    else
        dev->config[PCI_CAPABILITY_LIST] = (uint8_t)at;
    dev->config[PCI_STATUS] |= PCI_STATUS_CAP_LIST;
    dev->last_cap = at;
    dev->cap_end = ALIGN_UP(at + len, 4u);
    return at;
}

/* Where the BAR of a device at the range [gpa, gpa + size) would have to move to, as it overlaps one that
 * another has at power-on; gpa itself where it may stay. */
static uint64_t past_overlap(const struct pci_host *host, const struct pci_dev *dev, uint64_t gpa,
                             uint64_t size)
{
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        const struct pci_dev *other = host->dev[i];
        if (!other || other == dev)
            continue;
        for (unsigned b = 0; b < PCI_MAX_BARS; b++) {
            uint64_t start = get32(other->initial + PCI_BASE_ADDRESS_0 + b * 4);
            if (other->bar[b].size > 0 && gpa < start + other->bar[b].size && start < gpa + size)
                return start + other->bar[b].size;
        }
    }
    return gpa;
}

static int place_bars(const struct pci_host *host, struct pci_dev *dev)
{
    uint64_t next = LAYOUT_PCI_MMIO_BASE;
    for (unsigned i = 0; i < PCI_MAX_BARS; i++) {
        uint64_t size = dev->bar[i].size, gpa = next, at;
        if (size == 0)
            continue;
        do {
            at = ALIGN_UP(gpa, size);
            gpa = past_overlap(host, dev, at, size);
        } while (gpa != at);
        if (gpa > WINDOW_END - size)
            return -ENOSPC;
        put32(dev->config + PCI_BASE_ADDRESS_0 + i * 4, (uint32_t)gpa);
        next = gpa + size;
    }
    return 0;
}

static int add(struct pci_host *host, struct pci_dev *dev, unsigned first, unsigned end)
{
    unsigned slot = first;
    while (slot < end && host->dev[slot])
        slot++;
    if (slot == end || place_bars(host, dev) < 0)
        return -ENOSPC;
    dev->host = host;
    dev->slot = slot;
    memcpy(dev->initial, dev->config, sizeof(dev->initial));
    pthread_mutex_lock(&host->lock);
    host->dev[slot] = dev;
    pthread_mutex_unlock(&host->lock);
    return 0;
}

int pci_host_add(struct pci_host *host, struct pci_dev *dev)
{
    for (unsigned slot = 0; slot < PCI_FIRST_REMOVABLE; slot++) {
        if (!host->dev[slot])
            return add(host, dev, slot, slot + 1);
    }
    for (unsigned slot = PCI_MAX_DEVS; slot-- > PCI_FIRST_REMOVABLE;) {
        if (!host->dev[slot])
            return add(host, dev, slot, slot + 1);
    }
    return -ENOSPC;
}

int pci_host_add_removable(struct pci_host *host, struct pci_dev *dev)
{
    return add(host, dev, PCI_FIRST_REMOVABLE, PCI_MAX_DEVS);
}

void pci_host_remove(struct pci_dev *dev)
{
    struct pci_host *host = dev->host;
    if (!host)
        return;
    pthread_mutex_lock(&host->lock);
    dev->config[PCI_COMMAND] &= (uint8_t)~PCI_COMMAND_MEMORY;
    update_bars(dev);
    host->dev[dev->slot] = NULL;
    pthread_mutex_unlock(&host->lock);
    dev->host = NULL;
}
