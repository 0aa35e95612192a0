// SPDX-License-Identifier: MIT
/*
 * The common configuration structure (virtio 1.2, 4.1.4.3) and the device's status (2.1).
 *
 * A read takes a picture of the whole structure under the lock and answers from it. A write goes to
 * one field, in that field's own width.
 */
#include <assert.h>
#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <string.h>

#define LOG_MODULE "virtio-pci"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/core/pci_msix.h"
#include "vmm/virtio/virtio_pci_state.h"

static_assert(sizeof(struct virtio_pci_common_cfg) == 56, "virtio 1.2, 4.1.4.3");
static_assert(VIRTIO_MSI_NO_VECTOR == PCI_MSIX_NO_VECTOR, "no vector is no vector");

#define FIELD(name) offsetof(struct virtio_pci_common_cfg, name)

/* The queue that queue_select names; NULL where there is none. */
static struct virtio_pci_queue *selected(struct virtio_pci *vp)
{
    return vp->queue_select < vp->dev->n_queues ? &vp->queue[vp->queue_select] : NULL;
}

static uint32_t feature_word(uint64_t features, uint32_t select)
{
    return select < 2 ? (uint32_t)(features >> (select * 32)) : 0;
}

void virtio_pci_common_read(struct virtio_pci *vp, uint64_t offset, void *data, unsigned len)
{
    memset(data, 0, len);
    if (offset >= sizeof(struct virtio_pci_common_cfg))
        return;
    pthread_mutex_lock(&vp->lock);
    struct virtio_pci_common_cfg cfg = {
        .device_feature_select = vp->device_feature_select,
        .device_feature = feature_word(vp->offered, vp->device_feature_select),
        .guest_feature_select = vp->driver_feature_select,
        .guest_feature = feature_word(vp->driver_features, vp->driver_feature_select),
        .msix_config = vp->config_vector,
        .num_queues = (uint16_t)vp->dev->n_queues,
        .device_status = vp->status,
        .config_generation = vp->generation,
        .queue_select = vp->queue_select,
        .queue_msix_vector = VIRTIO_MSI_NO_VECTOR,
    };
    const struct virtio_pci_queue *q = selected(vp);
    if (q) {
        cfg.queue_size = q->size;
        cfg.queue_msix_vector = q->vector;
        cfg.queue_enable = q->enabled;
        cfg.queue_notify_off = vp->queue_select;
        cfg.queue_desc_lo = (uint32_t)q->desc;
        cfg.queue_desc_hi = (uint32_t)(q->desc >> 32);
        cfg.queue_avail_lo = (uint32_t)q->driver;
        cfg.queue_avail_hi = (uint32_t)(q->driver >> 32);
        cfg.queue_used_lo = (uint32_t)q->device;
        cfg.queue_used_hi = (uint32_t)(q->device >> 32);
    }
    pthread_mutex_unlock(&vp->lock);
    memcpy(data, (const uint8_t *)&cfg + offset, MIN(len, sizeof(cfg) - offset));
}

void virtio_pci_clear_registers(struct virtio_pci *vp)
{
    vp->device_feature_select = vp->driver_feature_select = 0;
    vp->driver_features = 0;
    vp->queue_select = 0;
    vp->status = vp->isr = 0;
    vp->resetting = false;
    vp->config_vector = VIRTIO_MSI_NO_VECTOR;
    pci_msix_connect(vp->pci.msix, VIRTIO_PCI_CONFIG_SOURCE, PCI_MSIX_NO_VECTOR);
    for (unsigned i = 0; i < vp->dev->n_queues; i++) {
        vp->queue[i] = (struct virtio_pci_queue){ .size = vp->dev->queue_size[i],
                                                  .vector = VIRTIO_MSI_NO_VECTOR };
        pci_msix_connect(vp->pci.msix, VIRTIO_PCI_QUEUE_SOURCE(i), PCI_MSIX_NO_VECTOR);
    }
}

static void reset(struct virtio_pci *vp)
{
    /* Before DRIVER_OK the loop has nothing of it. */
    if (!(vp->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        virtio_pci_clear_registers(vp);
        return;
    }
    vp->resetting = true;
    loop_post(vp->dev->loop, &vp->work);
}

static bool features_acceptable(const struct virtio_pci *vp)
{
    uint64_t f = vp->driver_features;
    return !(f & ~vp->offered) && (f & 1ull << VIRTIO_F_VERSION_1);
}

static void write_status(struct virtio_pci *vp, uint8_t value)
{
    const char *name = vp->dev->ops->name;
    if (value == 0) {
        reset(vp);
        return;
    }
    uint8_t old = vp->status;
    /* The driver does not know of this bit until it reads it, and may not set it. */
    value = (uint8_t)((value & ~VIRTIO_CONFIG_S_NEEDS_RESET) | (old & VIRTIO_CONFIG_S_NEEDS_RESET));
    if (old & ~value) {
        log_guest("%s: status bits %#x are cleared other than by a reset", name, old & ~value);
        return;
    }
    uint8_t set = value & ~old;
    if ((set & VIRTIO_CONFIG_S_FEATURES_OK) && !features_acceptable(vp)) {
        log_guest("%s: of the features %#llx the device offers %#llx only, and needs VERSION_1",
                  name, (unsigned long long)vp->driver_features, (unsigned long long)vp->offered);
        value &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
    }
    if ((set & VIRTIO_CONFIG_S_DRIVER_OK) && !(value & VIRTIO_CONFIG_S_FEATURES_OK)) {
        log_guest("%s: DRIVER_OK without FEATURES_OK", name);
        value &= (uint8_t)~VIRTIO_CONFIG_S_DRIVER_OK;
    }
    vp->status = value;
    if (value & ~old & VIRTIO_CONFIG_S_DRIVER_OK)
        loop_post(vp->dev->loop, &vp->work);
}

static void write_driver_feature(struct virtio_pci *vp, uint32_t value)
{
    uint32_t select = vp->driver_feature_select;
    if (vp->status & VIRTIO_CONFIG_S_FEATURES_OK) {
        log_guest("%s: features are changed after FEATURES_OK", vp->dev->ops->name);
        return;
    }
    if (select >= 2)
        return;
    vp->driver_features &= ~(0xffffffffull << (select * 32));
    vp->driver_features |= (uint64_t)value << (select * 32);
}

static void write_vector(struct virtio_pci *vp, uint16_t *vector, unsigned source, uint16_t value)
{
    bool ok = pci_msix_connect(vp->pci.msix, source, value);
    *vector = ok ? value : VIRTIO_MSI_NO_VECTOR;
}

static void write_queue_size(struct virtio_pci *vp, struct virtio_pci_queue *q, uint16_t size)
{
    if (size == 0 || (size & (size - 1)) || size > vp->dev->queue_size[vp->queue_select])
        log_guest("%s: queue %u can't have %u entries", vp->dev->ops->name, vp->queue_select, size);
    else
        q->size = size;
}

static void set_half(uint64_t *address, bool high, uint32_t value)
{
    if (high)
        *address = (*address & 0xffffffffull) | (uint64_t)value << 32;
    else
        *address = (*address & ~0xffffffffull) | value;
}

/* A field of the selected queue. Lock held. */
static void write_queue(struct virtio_pci *vp, unsigned field, uint32_t value)
{
    struct virtio_pci_queue *q = selected(vp);
    if (!q) {
        log_guest("%s: there is no queue %u", vp->dev->ops->name, vp->queue_select);
        return;
    }
    if (field == FIELD(queue_msix_vector)) {
        write_vector(vp, &q->vector, VIRTIO_PCI_QUEUE_SOURCE(vp->queue_select), (uint16_t)value);
        return;
    }
    if (q->enabled || (vp->status & VIRTIO_CONFIG_S_DRIVER_OK)) {
        log_guest("%s: queue %u is set up after it was enabled or DRIVER_OK", vp->dev->ops->name,
                  vp->queue_select);
        return;
    }
    switch (field) {
    case FIELD(queue_size):
        write_queue_size(vp, q, (uint16_t)value);
        break;
    case FIELD(queue_enable):
        q->enabled = value == 1;
        break;
    case FIELD(queue_desc_lo):
    case FIELD(queue_desc_hi):
        set_half(&q->desc, field == FIELD(queue_desc_hi), value);
        break;
    case FIELD(queue_avail_lo):
    case FIELD(queue_avail_hi):
        set_half(&q->driver, field == FIELD(queue_avail_hi), value);
        break;
    case FIELD(queue_used_lo):
    case FIELD(queue_used_hi):
        set_half(&q->device, field == FIELD(queue_used_hi), value);
        break;
    default:
        break;
    }
}

/* The width of the writable field at the offset, in bytes; 0 where there is none. */
static unsigned field_width(uint64_t offset)
{
    switch (offset) {
    case FIELD(device_status):
        return 1;
    case FIELD(msix_config):
    case FIELD(queue_select):
    case FIELD(queue_size):
    case FIELD(queue_msix_vector):
    case FIELD(queue_enable):
        return 2;
    case FIELD(device_feature_select):
    case FIELD(guest_feature_select):
    case FIELD(guest_feature):
    case FIELD(queue_desc_lo):
    case FIELD(queue_desc_hi):
    case FIELD(queue_avail_lo):
    case FIELD(queue_avail_hi):
    case FIELD(queue_used_lo):
    case FIELD(queue_used_hi):
        return 4;
    default:
        return 0;
    }
}

/* Lock held. */
static void write_field(struct virtio_pci *vp, unsigned field, uint32_t value)
{
    /* Until the device has stopped, nothing but the reset that is under way counts. */
    if (vp->resetting)
        return;
    switch (field) {
    case FIELD(device_feature_select):
        vp->device_feature_select = value;
        break;
    case FIELD(guest_feature_select):
        vp->driver_feature_select = value;
        break;
    case FIELD(guest_feature):
        write_driver_feature(vp, value);
        break;
    case FIELD(msix_config):
        write_vector(vp, &vp->config_vector, VIRTIO_PCI_CONFIG_SOURCE, (uint16_t)value);
        break;
    case FIELD(device_status):
        write_status(vp, (uint8_t)value);
        break;
    case FIELD(queue_select):
        vp->queue_select = (uint16_t)value;
        break;
    default:
        write_queue(vp, field, value);
        break;
    }
}

void virtio_pci_common_write(struct virtio_pci *vp, uint64_t offset, const void *data, unsigned len)
{
    if (len == 8) { /* two halves of an address */
        virtio_pci_common_write(vp, offset, data, 4);
        virtio_pci_common_write(vp, offset + 4, (const uint8_t *)data + 4, 4);
        return;
    }
    if (field_width(offset) != len) {
        log_guest("%s: a write of %u bytes to common configuration byte %llu does nothing",
                  vp->dev->ops->name, len, (unsigned long long)offset);
        return;
    }
    uint32_t value = 0;
    memcpy(&value, data, len);
    pthread_mutex_lock(&vp->lock);
    write_field(vp, (unsigned)offset, value);
    pthread_mutex_unlock(&vp->lock);
}

void virtio_pci_interrupt_config(struct virtio_pci *vp)
{
    if (!(vp->status & VIRTIO_CONFIG_S_DRIVER_OK))
        return;
    vp->isr |= VIRTIO_PCI_ISR_CONFIG;
    fd_event_signal(vp->config_fd);
}

void virtio_pci_needs_reset(struct virtio_pci *vp)
{
    pthread_mutex_lock(&vp->lock);
    /* A driver that is not up yet learns of it when the start fails; one that resets wants to see 0. */
    if ((vp->status & VIRTIO_CONFIG_S_DRIVER_OK) && !vp->resetting) {
        vp->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
        virtio_pci_interrupt_config(vp);
    }
    pthread_mutex_unlock(&vp->lock);
}

/* Lock held. */
static void give_queues(struct virtio_pci *vp)
{
    for (unsigned i = 0; i < vp->dev->n_queues; i++) {
        const struct virtio_pci_queue *from = &vp->queue[i];
        struct virtq *q = &vp->dev->queue[i];
        q->size = from->size;
        q->enabled = from->enabled;
        q->desc_gpa = from->desc;
        q->driver_gpa = from->driver;
        q->device_gpa = from->device;
    }
    vp->dev->features = vp->driver_features;
    vp->dev->mem = vp->mem;
}

static void stop(struct virtio_pci *vp)
{
    virtio_dev_stop(vp->dev);
    vp->start_tried = false;
    /* Doorbells that rang for the driver that is gone. */
    for (unsigned i = 0; i < vp->dev->n_queues; i++)
        fd_event_take(vp->dev->queue[i].kick_fd);
    pthread_mutex_lock(&vp->lock);
    virtio_pci_clear_registers(vp);
    void (*done)(void *) = vp->reset_done;
    vp->reset_done = NULL;
    pthread_mutex_unlock(&vp->lock);
    if (done)
        done(vp->reset_data);
}

void virtio_pci_work(struct loop_task *task)
{
    struct virtio_pci *vp = container_of(task, struct virtio_pci, work);
    pthread_mutex_lock(&vp->lock);
    bool stopping = vp->resetting;
    bool starting = !stopping && !vp->start_tried && (vp->status & VIRTIO_CONFIG_S_DRIVER_OK);
    if (starting)
        give_queues(vp);
    pthread_mutex_unlock(&vp->lock);

    if (stopping) {
        stop(vp);
    } else if (starting) {
        vp->start_tried = true;
        if (virtio_dev_start(vp->dev) < 0)
            virtio_pci_needs_reset(vp);
    }
}
