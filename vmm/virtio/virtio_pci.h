/* SPDX-License-Identifier: MIT */
/*
 * virtio over PCI, modern only (virtio 1.2, 4.1): the common, notify, ISR and device configuration
 * structures in BAR 0, PCI configuration access, MSI-X in BAR 1.
 *
 * Registers are read and written on vCPU threads, under a lock of the device's own that is never
 * held over a call into the model's start, stop or kick. DRIVER_OK and a reset are handed to the
 * device's loop, and no vCPU waits for them: status reads as it was until the stop is done, then 0.
 * Notifications go from the vCPU to the queue's kick eventfd, and interrupts from its call eventfd
 * to the vCPU, inside the kernel.
 */
#ifndef VITRINE_VIRTIO_VIRTIO_PCI_H
#define VITRINE_VIRTIO_VIRTIO_PCI_H

struct guest_mem;
struct irq_router;
struct kvm;
struct pci_host;
struct virtio_dev;
struct virtio_pci;

/* Puts dev on the bus, while no vCPU runs; removable: in one of the slots for what comes and goes. All arguments stay the caller's and outlive the
 * transport; dev->loop is set and runs, or will. Every queue gets its eventfds. NULL where the host
 * gives no eventfd, GSI or slot; said in a log line. */
struct virtio_pci *virtio_pci_create(struct pci_host *host, struct kvm *kvm,
                                     struct irq_router *router, const struct guest_mem *mem,
                                     struct virtio_dev *dev);
struct virtio_pci *virtio_pci_create_removable(struct pci_host *host, struct kvm *kvm,
                                               struct irq_router *router,
                                               const struct guest_mem *mem, struct virtio_dev *dev);
/* The PCI slot that it is in. */
unsigned virtio_pci_slot(const struct virtio_pci *vp);
/* Takes it off the bus, while no vCPU runs; virtio_pci_destroy() is next. */
void virtio_pci_unplug(struct virtio_pci *vp);
/* Stops the device if it runs. After virtio_pci_unplug(), or after the vCPUs ended and pci_host_destroy(); on
 * the device's loop or after that ended. Accepts NULL. */
void virtio_pci_destroy(struct virtio_pci *vp);

/* Resets the device as the driver's write of 0 would, for a reboot of the guest; no vCPU runs
 * meanwhile. done is called once, on the device's loop, when it is stopped. Any thread. */
void virtio_pci_reset(struct virtio_pci *vp, void (*done)(void *data), void *data);

#endif
