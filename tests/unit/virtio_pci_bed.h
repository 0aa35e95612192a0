/* SPDX-License-Identifier: MIT */
/* A virtio device on a PCI bus, and the first half of a driver for it. */
#ifndef VITRINE_TESTS_UNIT_VIRTIO_PCI_BED_H
#define VITRINE_TESTS_UNIT_VIRTIO_PCI_BED_H

#include <linux/virtio_config.h>
#include <linux/virtio_pci.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/ring.h"
#include "vmm/core/bus.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"

struct pci_host;
struct virtio_pci;

#define OFFERED (1ull << 3 | 1ull << 40)
#define ALL_FEATURES (OFFERED | VIRTIO_RING_FEATURES | 1ull << VIRTIO_F_VERSION_1)
#define SET_UP (VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)

struct bed {
    struct bus bus;
    struct pci_host *host;
    struct loop *loop;
    struct guest_mem mem;
    struct virtio_dev dev;
    struct virtio_pci *vp;
    uint8_t config[12];
    unsigned n_started, n_stopped, n_kicked;
    int start_error;
    bool reset_done;
    /* Where the structures were found. */
    uint64_t common, notify, isr, device;
    uint32_t notify_multiplier;
    unsigned cfg_cap, msix_cap;
};

/* Accesses as a guest makes them. */
uint32_t bed_mmio_read(struct bed *bed, uint64_t gpa, unsigned len);
void bed_mmio_write(struct bed *bed, uint64_t gpa, uint64_t v, unsigned len);
uint64_t bed_ecam(unsigned reg);

/* What Linux does first: enable memory, find the structures. */
void bed_probe(struct bed *bed);

/* A device whose queues are here, or in another process; cmocka's set-up and tear-down. */
int bed_set_up(void **state);
int bed_set_up_outside(void **state);
int bed_tear_down(void **state);

/* One turn of the device's loop. */
void bed_run(struct bed *bed);

/* Up to FEATURES_OK. */
void bed_negotiate(struct bed *bed, uint64_t features);
void bed_enable_queue(struct bed *bed, unsigned index, const struct ring *ring);

/* MSI-X on, with vector v raising data v + 0x40 and unmasked. */
void bed_msix_on(struct bed *bed, unsigned n);

/* The whole of a driver's set-up, with one ring on queue 0: vector 0 is the configuration's, 1 the
 * queue's. */
void bed_bring_up(struct bed *bed, struct ring *ring, bool event_idx);

/* The doorbell, as the kernel has it. */
void bed_ring_doorbell(struct bed *bed, unsigned index);

/* One writable buffer. */
void bed_add_one(struct ring *ring);

/* A field of the common configuration, in its own width. */
#define GET(field)                                                                                 \
    bed_mmio_read(bed, bed->common + offsetof(struct virtio_pci_common_cfg, field),                \
                  sizeof(((struct virtio_pci_common_cfg *)0)->field))
#define SET(field, value)                                                                          \
    bed_mmio_write(bed, bed->common + offsetof(struct virtio_pci_common_cfg, field), value,        \
                   sizeof(((struct virtio_pci_common_cfg *)0)->field))

#endif
