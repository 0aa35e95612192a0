/* SPDX-License-Identifier: MIT */
/* What the two halves of the PCI transport share: virtio_pci.c (the function on the bus, eventfds,
 * life and death) and virtio_pci_regs.c (the common configuration and the device's status). */
#ifndef VITRINE_VIRTIO_VIRTIO_PCI_STATE_H
#define VITRINE_VIRTIO_VIRTIO_PCI_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/loop.h"
#include "vmm/core/pci.h"
#include "vmm/virtio/device.h"

struct guest_mem;
struct kvm;

/* Interrupt sources: the configuration's, then one for each queue. */
#define VIRTIO_PCI_CONFIG_SOURCE 0u
#define VIRTIO_PCI_QUEUE_SOURCE(q) (1u + (q))

/* A queue as the driver has set it up; the device gets a copy when it is started. */
struct virtio_pci_queue {
    uint16_t size, vector;
    bool enabled;
    uint64_t desc, driver, device;
};

struct virtio_pci {
    struct pci_dev pci;
    struct kvm *kvm;
    const struct guest_mem *mem;
    struct virtio_dev *dev;
    uint64_t offered; /* what the driver may choose from */
    int config_fd;    /* eventfd of the configuration's interrupt */

    pthread_mutex_t lock; /* guards what follows, up to the next comment that says otherwise */
    uint32_t device_feature_select, driver_feature_select;
    uint64_t driver_features;
    uint16_t config_vector, queue_select;
    uint8_t status, generation, isr;
    bool config_changed; /* since the driver last read of the device's configuration */
    bool resetting;      /* from a reset's request until the loop has stopped the device */
    struct virtio_pci_queue queue[VIRTIO_MAX_QUEUES];
    void (*reset_done)(void *data);
    void *reset_data;

    struct loop_task work; /* start or stop, on the device's loop */
    bool start_tried;      /* the loop's: since the last reset */

    unsigned cfg_cap;                  /* where the configuration access capability stands */
    bool ioeventfd[VIRTIO_MAX_QUEUES]; /* guarded by the PCI host's lock, like notify_gpa */
    uint64_t notify_gpa;               /* where the queues' doorbells are, or PCI_BAR_OFF */
};

/* virtio_pci_regs.c. Accesses to the common configuration structure, on a vCPU's thread. */
void virtio_pci_common_read(struct virtio_pci *vp, uint64_t offset, void *data, unsigned len);
void virtio_pci_common_write(struct virtio_pci *vp, uint64_t offset, const void *data,
                             unsigned len);
/* Every register as after a reset. Lock held. */
void virtio_pci_clear_registers(struct virtio_pci *vp);
/* The loop's work: starts or stops the device as the status asks. */
void virtio_pci_work(struct loop_task *task);
/* Raises the configuration's interrupt if the driver is up. Lock held. */
void virtio_pci_interrupt_config(struct virtio_pci *vp);
/* DEVICE_NEEDS_RESET. Any thread. */
void virtio_pci_needs_reset(struct virtio_pci *vp);

#endif
