// SPDX-License-Identifier: MIT
#include "tests/unit/virtio_pci_bed.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fake_irq.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci.h"
#include "vmm/virtio/virtio_pci.h"

static void get_config(struct virtio_dev *dev, uint32_t offset, void *data, uint32_t len)
{
    struct bed *bed = container_of(dev, struct bed, dev);
    assert_true(offset + len <= sizeof(bed->config));
    memcpy(data, bed->config + offset, len);
}

static void set_config(struct virtio_dev *dev, uint32_t offset, const void *data, uint32_t len)
{
    struct bed *bed = container_of(dev, struct bed, dev);
    assert_true(offset + len <= sizeof(bed->config));
    memcpy(bed->config + offset, data, len);
}

static int start(struct virtio_dev *dev)
{
    struct bed *bed = container_of(dev, struct bed, dev);
    bed->n_started++;
    return bed->start_error;
}

static void stop(struct virtio_dev *dev)
{
    container_of(dev, struct bed, dev)->n_stopped++;
}

/* Answers every chain with nothing. */
static void kick(struct virtio_dev *dev, struct virtq *q)
{
    static struct virtq_chain chain;
    int got;
    container_of(dev, struct bed, dev)->n_kicked++;
    while ((got = virtq_pop(q, &chain)) == 1)
        virtq_push(q, chain.head, 0);
    virtq_notify(q);
    if (got < 0)
        virtio_dev_broken(dev);
}

static const struct virtio_ops inside_ops = { .name = "test",
                                              .device_id = 4,
                                              .get_config = get_config,
                                              .set_config = set_config,
                                              .start = start,
                                              .stop = stop,
                                              .kick = kick };
static const struct virtio_ops outside_ops = { .name = "test",
                                               .device_id = 16,
                                               .get_config = get_config,
                                               .start = start,
                                               .stop = stop,
                                               .external_queues = true };

uint32_t bed_mmio_read(struct bed *bed, uint64_t gpa, unsigned len)
{
    uint64_t v = 0;
    bus_read(&bed->bus, gpa, &v, len);
    return (uint32_t)v;
}

void bed_mmio_write(struct bed *bed, uint64_t gpa, uint64_t v, unsigned len)
{
    bus_write(&bed->bus, gpa, &v, len);
}

uint64_t bed_ecam(unsigned reg)
{
    return LAYOUT_ECAM_BASE + (1 << 15) + reg;
}

void bed_probe(struct bed *bed)
{
    bed_mmio_write(bed, bed_ecam(PCI_COMMAND), PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
    for (unsigned at = bed_mmio_read(bed, bed_ecam(PCI_CAPABILITY_LIST), 1); at;
         at = bed_mmio_read(bed, bed_ecam(at + 1), 1)) {
        if (bed_mmio_read(bed, bed_ecam(at), 1) == PCI_CAP_ID_MSIX)
            bed->msix_cap = at;
        if (bed_mmio_read(bed, bed_ecam(at), 1) != PCI_CAP_ID_VNDR)
            continue;
        unsigned bar = bed_mmio_read(bed, bed_ecam(at + VIRTIO_PCI_CAP_BAR), 1);
        uint64_t gpa = (bed_mmio_read(bed, bed_ecam(PCI_BASE_ADDRESS_0 + bar * 4), 4) & ~0xfull) +
                       bed_mmio_read(bed, bed_ecam(at + VIRTIO_PCI_CAP_OFFSET), 4);
        switch (bed_mmio_read(bed, bed_ecam(at + VIRTIO_PCI_CAP_CFG_TYPE), 1)) {
        case VIRTIO_PCI_CAP_COMMON_CFG:
            bed->common = gpa;
            break;
        case VIRTIO_PCI_CAP_NOTIFY_CFG:
            bed->notify = gpa;
            bed->notify_multiplier =
                bed_mmio_read(bed, bed_ecam(at + VIRTIO_PCI_NOTIFY_CAP_MULT), 4);
            break;
        case VIRTIO_PCI_CAP_ISR_CFG:
            bed->isr = gpa;
            break;
        case VIRTIO_PCI_CAP_DEVICE_CFG:
            bed->device = gpa;
            break;
        case VIRTIO_PCI_CAP_PCI_CFG:
            bed->cfg_cap = at;
            break;
        default:
            break;
        }
    }
}

static int set_up_with(void **state, const struct virtio_ops *ops)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    fake_irq_clear();
    bed->host = pci_host_create(&bed->bus);
    bed->loop = loop_create();
    assert_int_equal(guest_mem_create(&bed->mem, 2 * MIB), 0);
    bed->dev = (struct virtio_dev){ .ops = ops,
                                    .loop = bed->loop,
                                    .offered = OFFERED,
                                    .n_queues = 2,
                                    .queue_size = { 64, 16 },
                                    .config_len = sizeof(bed->config) };
    memcpy(bed->config, "0123456789ab", sizeof(bed->config));
    bed->vp = virtio_pci_create(bed->host, NULL, NULL, &bed->mem, &bed->dev);
    assert_non_null(bed->vp);
    bed_probe(bed);
    *state = bed;
    return 0;
}

int bed_set_up(void **state)
{
    return set_up_with(state, &inside_ops);
}

int bed_set_up_outside(void **state)
{
    return set_up_with(state, &outside_ops);
}

int bed_tear_down(void **state)
{
    struct bed *bed = *state;
    pci_host_destroy(bed->host);
    virtio_pci_destroy(bed->vp);
    assert_int_equal(bed->n_started - (bed->start_error != 0), bed->n_stopped);
    assert_int_equal(fake_irq.n_gsis + fake_irq.n_irqfds + fake_irq.n_ioeventfds, 0);
    loop_destroy(bed->loop); /* asserts that nothing is left on it */
    guest_mem_finish(&bed->mem);
    free(bed);
    return 0;
}

void bed_run(struct bed *bed)
{
    loop_run_once(bed->loop, 0);
}

void bed_negotiate(struct bed *bed, uint64_t features)
{
    SET(device_status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    SET(device_status, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
    SET(guest_feature_select, 0);
    SET(guest_feature, (uint32_t)features);
    SET(guest_feature_select, 1);
    SET(guest_feature, features >> 32);
    SET(device_status, SET_UP);
}

void bed_enable_queue(struct bed *bed, unsigned index, const struct ring *ring)
{
    SET(queue_select, index);
    SET(queue_size, ring->size);
    SET(queue_desc_lo, (uint32_t)ring->desc_gpa);
    SET(queue_desc_hi, ring->desc_gpa >> 32);
    SET(queue_avail_lo, (uint32_t)ring->avail_gpa);
    SET(queue_avail_hi, ring->avail_gpa >> 32);
    SET(queue_used_lo, (uint32_t)ring->used_gpa);
    SET(queue_used_hi, ring->used_gpa >> 32);
    SET(queue_enable, 1);
}

void bed_msix_on(struct bed *bed, unsigned n)
{
    uint64_t table = bed_mmio_read(bed, bed_ecam(PCI_BASE_ADDRESS_1), 4) & ~0xfull;
    for (unsigned v = 0; v < n; v++) {
        bed_mmio_write(bed, table + v * 16, 0xfee00000, 8);
        bed_mmio_write(bed, table + v * 16 + 8, v + 0x40, 8);
    }
    bed_mmio_write(bed, bed_ecam(bed->msix_cap + PCI_MSIX_FLAGS), PCI_MSIX_FLAGS_ENABLE, 2);
}

void bed_bring_up(struct bed *bed, struct ring *ring, bool event_idx)
{
    ring_init(ring, &bed->mem, 0x10000, 16, event_idx, NULL);
    uint64_t features = bed->dev.ops->external_queues
                            ? OFFERED | 1ull << VIRTIO_F_VERSION_1
                            : ALL_FEATURES & ~(event_idx ? 0 : 1ull << VIRTIO_RING_F_EVENT_IDX);
    bed_negotiate(bed, features);
    bed_msix_on(bed, 2);
    SET(msix_config, 0);
    bed_enable_queue(bed, 0, ring);
    SET(queue_msix_vector, 1);
    SET(device_status, SET_UP | VIRTIO_CONFIG_S_DRIVER_OK);
    bed_run(bed);
}

void bed_ring_doorbell(struct bed *bed, unsigned index)
{
    SET(queue_select, index);
    int fd = fake_ioeventfd_at(bed->notify + GET(queue_notify_off) * bed->notify_multiplier);
    assert_true(fd >= 0);
    fd_event_signal(fd);
}

void bed_add_one(struct ring *ring)
{
    struct ring_buf buf = { 0x40000, 64, true };
    assert_true(ring_add(ring, &buf, 1) >= 0);
}
