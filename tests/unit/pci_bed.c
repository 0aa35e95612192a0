// SPDX-License-Identifier: MIT
#include "tests/unit/pci_bed.h"

#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/fake_irq.h"
#include "tests/test.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci_msix.h"

static void bar_read(struct pci_dev *dev, unsigned bar, uint64_t offset, void *data, unsigned len)
{
    struct bed *bed = container_of(dev, struct bed, dev);
    assert_int_equal(bar, 0);
    assert_true(offset + len <= BAR_SIZE);
    bed->last_offset = offset;
    memcpy(data, &bed->reg, MIN(len, 4));
}

static void bar_write(struct pci_dev *dev, unsigned bar, uint64_t offset, const void *data,
                      unsigned len)
{
    struct bed *bed = container_of(dev, struct bed, dev);
    assert_int_equal(bar, 0);
    bed->last_offset = offset;
    memcpy(&bed->reg, data, MIN(len, 4));
}

static void bar_moved(struct pci_dev *dev, unsigned bar, uint64_t gpa)
{
    struct bed *bed = container_of(dev, struct bed, dev);
    if (bar != 0)
        return;
    bed->n_moved++;
    bed->moved_to = gpa;
}

static void config_written(struct pci_dev *dev, unsigned offset, unsigned len)
{
    container_of(dev, struct bed, dev)->n_config_writes++;
}

static const struct pci_dev_ops ops = { .name = "test",
                                        .bar_read = bar_read,
                                        .bar_write = bar_write,
                                        .bar_moved = bar_moved,
                                        .config_written = config_written };
const struct pci_dev_ops bed_plain_ops = { .name = "plain" };
const struct pci_ids bed_ids = { .vendor = 0x1af4,
                                 .device = 0x1042,
                                 .class_code = 0x018000,
                                 .revision = 1,
                                 .subsystem_vendor = 0x1af4,
                                 .subsystem = 0x40 };

uint64_t bed_mmio_read(struct bed *bed, uint64_t gpa, unsigned len)
{
    uint64_t v = 0;
    bus_read(&bed->bus, gpa, &v, len);
    return v;
}

void bed_mmio_write(struct bed *bed, uint64_t gpa, uint64_t v, unsigned len)
{
    bus_write(&bed->bus, gpa, &v, len);
}

uint64_t bed_ecam(unsigned slot, unsigned reg)
{
    return LAYOUT_ECAM_BASE + (slot << 15) + reg;
}

uint32_t bed_config_read(struct bed *bed, unsigned reg, unsigned len)
{
    return (uint32_t)bed_mmio_read(bed, bed_ecam(1, reg), len);
}

void bed_config_write(struct bed *bed, unsigned reg, uint32_t v, unsigned len)
{
    bed_mmio_write(bed, bed_ecam(1, reg), v, len);
}

uint64_t bed_bar_gpa(struct bed *bed, unsigned bar)
{
    return bed_config_read(bed, PCI_BASE_ADDRESS_0 + bar * 4, 4) & ~0xfull;
}

int bed_set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    fake_irq_clear();
    bed->host = pci_host_create(&bed->bus);
    for (int i = 0; i < N_SOURCES; i++)
        bed->source[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pci_dev_init(&bed->dev, &ops, &bed_ids);
    pci_dev_add_bar(&bed->dev, 0, BAR_SIZE);
    assert_int_equal(pci_msix_add(&bed->dev, NULL, MSIX_BAR, N_VECTORS, bed->source, N_SOURCES), 0);
    const uint8_t vendor_cap[] = { PCI_CAP_ID_VNDR, 0xee, 6, 1, 2, 3 };
    pci_dev_add_cap(&bed->dev, vendor_cap, sizeof(vendor_cap));
    assert_int_equal(pci_host_add(bed->host, &bed->dev), 0);
    pci_dev_init(&bed->plain, &bed_plain_ops, &bed_ids);
    assert_int_equal(pci_host_add(bed->host, &bed->plain), 0);
    for (unsigned at = bed_config_read(bed, PCI_CAPABILITY_LIST, 1); at;
         at = bed_config_read(bed, at + 1, 1)) {
        if (bed_config_read(bed, at, 1) == PCI_CAP_ID_MSIX)
            bed->cap = at;
    }
    *state = bed;
    return 0;
}

int bed_tear_down(void **state)
{
    struct bed *bed = *state;
    pci_host_destroy(bed->host);
    pci_msix_remove(&bed->dev);
    assert_int_equal(fake_irq.n_irqfds, 0);
    assert_int_equal(fake_irq.n_gsis, 0);
    for (int i = 0; i < N_SOURCES; i++)
        close(bed->source[i]);
    free(bed);
    return 0;
}

void bed_memory_on(struct bed *bed)
{
    bed_config_write(bed, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}
