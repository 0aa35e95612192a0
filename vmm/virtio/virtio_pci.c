// SPDX-License-Identifier: MIT
#include <errno.h>
#include <linux/pci_regs.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <linux/virtio_pci.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#define LOG_MODULE "virtio-pci"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/core/kvm.h"
#include "vmm/core/pci_msix.h"
#include "vmm/virtio/virtio_pci.h"
#include "vmm/virtio/virtio_pci_state.h"

#define VENDOR 0x1af4
#define DEVICE_BASE 0x1040

/* BAR 0: a page for each structure. */
#define REGS_BAR 0u
#define MSIX_BAR 1u
#define PAGE 0x1000u
#define COMMON_OFFSET 0u
#define ISR_OFFSET (1 * PAGE)
#define DEVICE_OFFSET (2 * PAGE)
#define NOTIFY_OFFSET (3 * PAGE)
#define REGS_SIZE (4 * PAGE)
#define NOTIFY_MULTIPLIER 4u

/* The device's configuration structure. */

static void device_read(struct virtio_pci *vp, uint64_t offset, void *data, unsigned len)
{
    struct virtio_dev *dev = vp->dev;
    memset(data, 0, len);
    if (offset >= dev->config_len)
        return;
    /* The generation changes between a read of the old and a read of the new. */
    pthread_mutex_lock(&vp->lock);
    if (vp->config_changed)
        vp->generation++;
    vp->config_changed = false;
    pthread_mutex_unlock(&vp->lock);
    len = (unsigned)MIN(len, dev->config_len - offset);
    dev->ops->get_config(dev, (uint32_t)offset, data, len);
}

static void device_write(struct virtio_pci *vp, uint64_t offset, const void *data, unsigned len)
{
    struct virtio_dev *dev = vp->dev;
    if (dev->ops->set_config && offset < dev->config_len && len <= dev->config_len - offset)
        dev->ops->set_config(dev, (uint32_t)offset, data, len);
    else
        log_guest("%s: a write to read-only configuration", dev->ops->name);
}

/* Reading takes the bits away (virtio 1.2, 4.1.4.5). Without MSI-X no interrupt goes anywhere, and
 * what the queues signalled is still in their eventfds. */
static uint8_t isr_read(struct virtio_pci *vp)
{
    pthread_mutex_lock(&vp->lock);
    uint8_t isr = vp->isr;
    vp->isr = 0;
    pthread_mutex_unlock(&vp->lock);
    if (pci_msix_enabled(vp->pci.msix))
        return isr;
    for (unsigned i = 0; i < vp->dev->n_queues; i++) {
        if (fd_event_take(vp->dev->queue[i].call_fd))
            isr |= 1;
    }
    return isr;
}

static void bar_read(struct pci_dev *pci, unsigned bar, uint64_t offset, void *data, unsigned len)
{
    struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
    memset(data, 0, len);
    if (offset < ISR_OFFSET)
        virtio_pci_common_read(vp, offset - COMMON_OFFSET, data, len);
    else if (offset == ISR_OFFSET)
        *(uint8_t *)data = isr_read(vp);
    else if (offset >= DEVICE_OFFSET && offset < NOTIFY_OFFSET)
        device_read(vp, offset - DEVICE_OFFSET, data, len);
}

static void bar_write(struct pci_dev *pci, unsigned bar, uint64_t offset, const void *data,
                      unsigned len)
{
    struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
    if (offset < ISR_OFFSET) {
        virtio_pci_common_write(vp, offset - COMMON_OFFSET, data, len);
    } else if (offset >= DEVICE_OFFSET && offset < NOTIFY_OFFSET) {
        device_write(vp, offset - DEVICE_OFFSET, data, len);
    } else if (offset >= NOTIFY_OFFSET) {
        /* Where the kernel did not take the doorbell, or through configuration access. */
        uint64_t q = (offset - NOTIFY_OFFSET) / NOTIFY_MULTIPLIER;
        if (q < vp->dev->n_queues)
            fd_event_signal(vp->dev->queue[q].kick_fd);
    }
}

/* Doorbells. */

static void remove_doorbells(struct virtio_pci *vp)
{
    for (unsigned i = 0; i < vp->dev->n_queues; i++) {
        if (!vp->ioeventfd[i])
            continue;
        int err = kvm_ioeventfd_remove(vp->kvm, vp->notify_gpa + (uint64_t)i * NOTIFY_MULTIPLIER,
                                       vp->dev->queue[i].kick_fd);
        if (err < 0)
            log_bug("%s: can't remove a doorbell: %s", vp->dev->ops->name, strerror(-err));
        vp->ioeventfd[i] = false;
    }
}

static void add_doorbells(struct virtio_pci *vp)
{
    for (unsigned i = 0; i < vp->dev->n_queues; i++) {
        int err = kvm_ioeventfd_add(vp->kvm, vp->notify_gpa + (uint64_t)i * NOTIFY_MULTIPLIER,
                                    vp->dev->queue[i].kick_fd);
        if (err < 0)
            log_guest("%s: the kernel takes no doorbell at %#llx, notifications are slow: %s",
                      vp->dev->ops->name, (unsigned long long)vp->notify_gpa, strerror(-err));
        vp->ioeventfd[i] = err == 0;
    }
}

/* The PCI host's lock is held. */
static void bar_moved(struct pci_dev *pci, unsigned bar, uint64_t gpa)
{
    struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
    if (bar != REGS_BAR)
        return;
    remove_doorbells(vp);
    vp->notify_gpa = gpa;
    if (gpa == PCI_BAR_OFF)
        return;
    vp->notify_gpa += NOTIFY_OFFSET;
    add_doorbells(vp);
}

/* Configuration access (virtio 1.2, 4.1.4.9): a window into BAR 0. The PCI host's lock is held. */

static bool touches_window(const struct virtio_pci *vp, unsigned offset, unsigned len)
{
    unsigned data = vp->cfg_cap + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
    return vp->cfg_cap && offset < data + 4 && offset + len > data;
}

/* Where the window points; false where the driver has set up nothing sensible. */
static bool window_target(const struct virtio_pci *vp, uint32_t *offset, uint32_t *len)
{
    struct virtio_pci_cap cap;
    memcpy(&cap, vp->pci.config + vp->cfg_cap, sizeof(cap));
    *offset = cap.offset;
    *len = cap.length;
    return cap.bar == REGS_BAR && (*len == 1 || *len == 2 || *len == 4) && *offset % *len == 0 &&
           *offset <= REGS_SIZE - *len;
}

static void config_read(struct pci_dev *pci, unsigned offset, unsigned len)
{
    struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
    uint32_t at, n;
    if (touches_window(vp, offset, len) && window_target(vp, &at, &n))
        bar_read(pci, REGS_BAR, at,
                 pci->config + vp->cfg_cap + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data), n);
}

static void config_written(struct pci_dev *pci, unsigned offset, unsigned len)
{
    struct virtio_pci *vp = container_of(pci, struct virtio_pci, pci);
    uint32_t at, n;
    if (touches_window(vp, offset, len) && window_target(vp, &at, &n))
        bar_write(pci, REGS_BAR, at,
                  pci->config + vp->cfg_cap + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data), n);
}

static const struct pci_dev_ops pci_ops = {
    .name = "virtio-pci",
    .bar_read = bar_read,
    .bar_write = bar_write,
    .bar_moved = bar_moved,
    .config_read = config_read,
    .config_written = config_written,
};

/* What the model asks of its transport, on the device's loop. */

static void config_changed(struct virtio_dev *dev)
{
    struct virtio_pci *vp = dev->transport_data;
    pthread_mutex_lock(&vp->lock);
    vp->config_changed = true;
    virtio_pci_interrupt_config(vp);
    pthread_mutex_unlock(&vp->lock);
}

static void broken(struct virtio_dev *dev)
{
    virtio_pci_needs_reset(dev->transport_data);
}

static const struct virtio_transport_ops transport_ops = { .config_changed = config_changed,
                                                           .broken = broken };

/* Building it. */

static uint32_t class_code(uint16_t device_id)
{
    switch (device_id) {
    case VIRTIO_ID_NET:
        return 0x020000;
    case VIRTIO_ID_BLOCK:
        return 0x010000;
    case VIRTIO_ID_CONSOLE:
        return 0x078000;
    case VIRTIO_ID_GPU:
        return 0x038000; /* a display controller that is no VGA */
    case VIRTIO_ID_INPUT:
        return 0x098000;
    case VIRTIO_ID_FS:
        return 0x018000;
    case VIRTIO_ID_SOUND:
        return 0x040100;
    default:
        return 0x00ff00; /* unclassified */
    }
}

static unsigned add_cap(struct virtio_pci *vp, uint8_t type, uint32_t offset, uint32_t length,
                        uint32_t extra, unsigned cap_len)
{
    struct {
        struct virtio_pci_cap cap;
        uint32_t extra;
    } c = { .cap = { .cap_vndr = PCI_CAP_ID_VNDR,
                     .cap_len = (uint8_t)cap_len,
                     .cfg_type = type,
                     .bar = REGS_BAR,
                     .offset = offset,
                     .length = length },
            .extra = extra };
    return pci_dev_add_cap(&vp->pci, &c, cap_len);
}

static void add_caps(struct virtio_pci *vp)
{
    const unsigned plain = sizeof(struct virtio_pci_cap);
    add_cap(vp, VIRTIO_PCI_CAP_COMMON_CFG, COMMON_OFFSET, sizeof(struct virtio_pci_common_cfg), 0,
            plain);
    add_cap(vp, VIRTIO_PCI_CAP_NOTIFY_CFG, NOTIFY_OFFSET, vp->dev->n_queues * NOTIFY_MULTIPLIER,
            NOTIFY_MULTIPLIER, sizeof(struct virtio_pci_notify_cap));
    add_cap(vp, VIRTIO_PCI_CAP_ISR_CFG, ISR_OFFSET, 1, 0, plain);
    if (vp->dev->config_len > 0)
        add_cap(vp, VIRTIO_PCI_CAP_DEVICE_CFG, DEVICE_OFFSET, vp->dev->config_len, 0, plain);
    vp->cfg_cap = add_cap(vp, VIRTIO_PCI_CAP_PCI_CFG, 0, 0, 0, sizeof(struct virtio_pci_cfg_cap));
    uint8_t *mask = vp->pci.wmask + vp->cfg_cap;
    mask[VIRTIO_PCI_CAP_BAR] = 0xff;
    memset(mask + VIRTIO_PCI_CAP_OFFSET, 0xff,
           sizeof(struct virtio_pci_cfg_cap) - VIRTIO_PCI_CAP_OFFSET);
}

/* An eventfd each for kicks and calls of every queue, and for the configuration's interrupt. */
static bool open_eventfds(struct virtio_pci *vp)
{
    bool ok = (vp->config_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) >= 0;
    for (unsigned i = 0; i < vp->dev->n_queues; i++) {
        vp->dev->queue[i] = (struct virtq){
            .dev = vp->dev,
            .index = i,
            .max_size = vp->dev->queue_size[i],
            .kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
            .call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
        };
        ok = ok && vp->dev->queue[i].kick_fd >= 0 && vp->dev->queue[i].call_fd >= 0;
    }
    return ok;
}

static int add_to_bus(struct virtio_pci *vp, struct pci_host *host, struct irq_router *router,
                      bool removable)
{
    const struct pci_ids ids = { .vendor = VENDOR,
                                 .device = (uint16_t)(DEVICE_BASE + vp->dev->ops->device_id),
                                 .class_code = class_code(vp->dev->ops->device_id),
                                 .revision = 1,
                                 .subsystem_vendor = VENDOR,
                                 .subsystem = 0x1100 };
    pci_dev_init(&vp->pci, &pci_ops, &ids);
    pci_dev_add_bar(&vp->pci, REGS_BAR, REGS_SIZE);
    add_caps(vp);
    unsigned n_queues = vp->dev->n_queues;
    int source[1 + VIRTIO_MAX_QUEUES];
    source[VIRTIO_PCI_CONFIG_SOURCE] = vp->config_fd;
    for (unsigned i = 0; i < n_queues; i++)
        source[VIRTIO_PCI_QUEUE_SOURCE(i)] = vp->dev->queue[i].call_fd;
    int err = pci_msix_add(&vp->pci, router, MSIX_BAR, 1 + n_queues, source, 1 + n_queues);
    if (err < 0)
        return err;
    virtio_pci_clear_registers(vp);
    return removable ? pci_host_add_removable(host, &vp->pci) : pci_host_add(host, &vp->pci);
}

static struct virtio_pci *create(struct pci_host *host, struct kvm *kvm, struct irq_router *router,
                                 const struct guest_mem *mem, struct virtio_dev *dev,
                                 bool removable)
{
    BUG_ON(dev->n_queues > VIRTIO_MAX_QUEUES || dev->config_len > PAGE);
    struct virtio_pci *vp = calloc(1, sizeof(*vp));
    if (!vp) {
        log_error("no memory for a virtio device");
        return NULL;
    }
    *vp = (struct virtio_pci){ .kvm = kvm,
                               .mem = mem,
                               .dev = dev,
                               .offered = dev->offered | 1ull << VIRTIO_F_VERSION_1,
                               .notify_gpa = PCI_BAR_OFF };
    if (!dev->ops->external_queues)
        vp->offered |= VIRTIO_RING_FEATURES;
    pthread_mutex_init(&vp->lock, NULL);
    loop_task_init(&vp->work, virtio_pci_work);
    dev->transport = &transport_ops;
    dev->transport_data = vp;
    int err = open_eventfds(vp) ? add_to_bus(vp, host, router, removable) : -errno;
    if (err < 0) {
        if (err == -ENOSPC)
            log_error("the PCI bus has no place left for %s: a VM has at most %d devices (disks, "
                      "network cards, shared folders, pointers for each monitor...)",
                      dev->ops->name, PCI_MAX_DEVS - 1);
        else
            log_error("can't give %s a place on the PCI bus: %s", dev->ops->name, strerror(-err));
        virtio_pci_destroy(vp);
        return NULL;
    }
    return vp;
}

struct virtio_pci *virtio_pci_create(struct pci_host *host, struct kvm *kvm,
                                     struct irq_router *router, const struct guest_mem *mem,
                                     struct virtio_dev *dev)
{
    return create(host, kvm, router, mem, dev, false);
}

struct virtio_pci *virtio_pci_create_removable(struct pci_host *host, struct kvm *kvm,
                                               struct irq_router *router,
                                               const struct guest_mem *mem, struct virtio_dev *dev)
{
    return create(host, kvm, router, mem, dev, true);
}

unsigned virtio_pci_slot(const struct virtio_pci *vp)
{
    return vp->pci.slot;
}

void virtio_pci_unplug(struct virtio_pci *vp)
{
    pci_host_remove(&vp->pci);
}

void virtio_pci_destroy(struct virtio_pci *vp)
{
    if (!vp)
        return;
    loop_task_cancel(vp->dev->loop, &vp->work);
    virtio_dev_stop(vp->dev);
    remove_doorbells(vp);
    pci_msix_remove(&vp->pci);
    for (unsigned i = 0; i < vp->dev->n_queues; i++) {
        fd_close_all(&vp->dev->queue[i].kick_fd, 1);
        fd_close_all(&vp->dev->queue[i].call_fd, 1);
    }
    fd_close_all(&vp->config_fd, 1);
    pthread_mutex_destroy(&vp->lock);
    free(vp);
}

void virtio_pci_reset(struct virtio_pci *vp, void (*done)(void *data), void *data)
{
    pthread_mutex_lock(&vp->lock);
    BUG_ON(vp->reset_done);
    vp->reset_done = done;
    vp->reset_data = data;
    vp->resetting = true;
    pthread_mutex_unlock(&vp->lock);
    loop_post(vp->dev->loop, &vp->work);
}
