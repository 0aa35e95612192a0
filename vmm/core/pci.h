/* SPDX-License-Identifier: MIT */
/*
 * PCI bus 0: a host bridge at 00:00.0 and endpoints at 00:01.0 and up, one function each, reached by
 * ECAM (PCI Express Base 5.0, 7.2.2) and by 32-bit memory BARs in the window of layout.h. MSI-X
 * only: there are no INTx lines.
 *
 * Devices are added, and removable ones taken away, before the vCPUs start or while they are parked: a
 * look-up takes no lock. Configuration space is guarded by the host's
 * lock, under which config_read, config_written and bar_moved are called, on a vCPU's thread.
 * bar_read and bar_write are called without it; a device guards its own registers. Locks nest in the
 * order host, device, MSI-X.
 */
#ifndef VITRINE_CORE_PCI_H
#define VITRINE_CORE_PCI_H

#include <stdbool.h>
#include <stdint.h>

struct bus;
struct pci_dev;
struct pci_host;
struct pci_msix;

#define PCI_MAX_DEVS 32
/* Slots from here on are for devices that may come and go. Of those that stay, what is too many for the others
 * gets the last ones. */
#define PCI_FIRST_REMOVABLE 16
#define PCI_MAX_BARS 6
#define PCI_CONFIG_SIZE 256
/* A BAR that answers nowhere: memory is disabled, or it lies outside the window. */
#define PCI_BAR_OFF UINT64_MAX

struct pci_dev_ops {
    const char *name; /* for messages */
    /* An access within the BAR; as bus_ops has it. */
    void (*bar_read)(struct pci_dev *dev, unsigned bar, uint64_t offset, void *data, unsigned len);
    void (*bar_write)(struct pci_dev *dev, unsigned bar, uint64_t offset, const void *data,
                      unsigned len);
    /* The BAR answers at gpa from now on, or nowhere (PCI_BAR_OFF). May be NULL. */
    void (*bar_moved)(struct pci_dev *dev, unsigned bar, uint64_t gpa);
    /* Before bytes of dev->config are read, and after they were written. May be NULL. */
    void (*config_read)(struct pci_dev *dev, unsigned offset, unsigned len);
    void (*config_written)(struct pci_dev *dev, unsigned offset, unsigned len);
};

struct pci_ids {
    uint16_t vendor, device;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    uint8_t revision;
    uint16_t subsystem_vendor, subsystem;
};

struct pci_bar {
    uint64_t size; /* bytes, a power of two; 0 where there is none */
    uint64_t gpa;  /* where it answers, or PCI_BAR_OFF; guarded by the host's lock */
};

/* Embedded by the device, which outlives the host's use of it. */
struct pci_dev {
    const struct pci_dev_ops *ops;
    struct pci_host *host;
    unsigned slot;
    uint8_t config[PCI_CONFIG_SIZE];  /* guarded by the host's lock */
    uint8_t wmask[PCI_CONFIG_SIZE];   /* the bits that the guest may write */
    uint8_t initial[PCI_CONFIG_SIZE]; /* what a reset restores */
    struct pci_bar bar[PCI_MAX_BARS];
    unsigned cap_end;      /* where the next capability goes */
    unsigned last_cap;     /* the last one, 0 where there is none */
    struct pci_msix *msix; /* owned; NULL where there is none */
};

/* A host whose ECAM and BAR window are on the bus. NULL where memory is short. */
struct pci_host *pci_host_create(struct bus *mmio);
/* After the vCPUs ended, and before the devices are freed. Accepts NULL. */
void pci_host_destroy(struct pci_host *host);
/* Puts every device's configuration space, BARs and MSI-X where they were at start (a reboot of the
 * guest). No vCPU runs meanwhile. */
void pci_host_reset(struct pci_host *host);

/* Building a device: init, then BARs and capabilities, then pci_host_add(). While no vCPU runs. */
void pci_dev_init(struct pci_dev *dev, const struct pci_dev_ops *ops, const struct pci_ids *ids);
/* A 32-bit memory BAR. size: a power of two, 4 KiB to 16 MiB. */
void pci_dev_add_bar(struct pci_dev *dev, unsigned bar, uint32_t size);
/* Appends a capability of len bytes and returns where in dev->config it starts. The next pointer is
 * filled in; nothing in it is writable until the device says so in dev->wmask. */
unsigned pci_dev_add_cap(struct pci_dev *dev, const void *cap, unsigned len);
/* Allocates the BARs' addresses and a slot. 0, or -ENOSPC. */
int pci_host_add(struct pci_host *host, struct pci_dev *dev);
int pci_host_add_removable(struct pci_host *host, struct pci_dev *dev);
/* Its slot is empty from now on and its BARs answer nowhere. While no vCPU runs. Harmless where it was not
 * added. */
void pci_host_remove(struct pci_dev *dev);

#endif
