// SPDX-License-Identifier: MIT
/* The PCI host as a guest sees it: ECAM, BARs and MSI-X, through the bus. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/fake_irq.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/bus.h"
#include "vmm/core/irq.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci.h"
#include "vmm/core/pci_msix.h"

#define BAR_SIZE 0x4000u
#define N_VECTORS 3
#define N_SOURCES 4
#define MSIX_BAR 1

struct bed {
    struct bus bus;
    struct pci_host *host;
    struct pci_dev dev, plain;
    int source[N_SOURCES];
    unsigned n_moved, n_config_writes;
    uint64_t moved_to;
    uint64_t last_offset;
    uint32_t reg;
    unsigned cap; /* MSI-X */
};

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
static const struct pci_dev_ops plain_ops = { .name = "plain" };
static const struct pci_ids ids = { .vendor = 0x1af4,
                                    .device = 0x1042,
                                    .class_code = 0x018000,
                                    .revision = 1,
                                    .subsystem_vendor = 0x1af4,
                                    .subsystem = 0x40 };

static uint64_t mmio_read(struct bed *bed, uint64_t gpa, unsigned len)
{
    uint64_t v = 0;
    bus_read(&bed->bus, gpa, &v, len);
    return v;
}

static void mmio_write(struct bed *bed, uint64_t gpa, uint64_t v, unsigned len)
{
    bus_write(&bed->bus, gpa, &v, len);
}

static uint64_t ecam(unsigned slot, unsigned reg)
{
    return LAYOUT_ECAM_BASE + (slot << 15) + reg;
}

static uint32_t config_read(struct bed *bed, unsigned reg, unsigned len)
{
    return (uint32_t)mmio_read(bed, ecam(1, reg), len);
}

static void config_write(struct bed *bed, unsigned reg, uint32_t v, unsigned len)
{
    mmio_write(bed, ecam(1, reg), v, len);
}

static uint64_t bar_gpa(struct bed *bed, unsigned bar)
{
    return config_read(bed, PCI_BASE_ADDRESS_0 + bar * 4, 4) & ~0xfull;
}

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    fake_irq_clear();
    bed->host = pci_host_create(&bed->bus);
    for (int i = 0; i < N_SOURCES; i++)
        bed->source[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pci_dev_init(&bed->dev, &ops, &ids);
    pci_dev_add_bar(&bed->dev, 0, BAR_SIZE);
    assert_int_equal(pci_msix_add(&bed->dev, NULL, MSIX_BAR, N_VECTORS, bed->source, N_SOURCES), 0);
    const uint8_t vendor_cap[] = { PCI_CAP_ID_VNDR, 0xee, 6, 1, 2, 3 };
    pci_dev_add_cap(&bed->dev, vendor_cap, sizeof(vendor_cap));
    assert_int_equal(pci_host_add(bed->host, &bed->dev), 0);
    pci_dev_init(&bed->plain, &plain_ops, &ids);
    assert_int_equal(pci_host_add(bed->host, &bed->plain), 0);
    for (unsigned at = config_read(bed, PCI_CAPABILITY_LIST, 1); at;
         at = config_read(bed, at + 1, 1)) {
        if (config_read(bed, at, 1) == PCI_CAP_ID_MSIX)
            bed->cap = at;
    }
    *state = bed;
    return 0;
}

static int tear_down(void **state)
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

static void memory_on(struct bed *bed)
{
    config_write(bed, PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
}

/* Configuration space. */

static void devices_stand_behind_a_host_bridge(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(mmio_read(bed, ecam(0, PCI_CLASS_DEVICE), 2), 0x0600);
    assert_int_equal(config_read(bed, PCI_VENDOR_ID, 4), 0x10421af4);
    assert_int_equal(config_read(bed, PCI_CLASS_REVISION, 4), 0x01800001);
    assert_int_equal(config_read(bed, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x00401af4);
    assert_int_equal(config_read(bed, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_NORMAL);
    assert_int_equal(config_read(bed, PCI_INTERRUPT_PIN, 1), 0);
}

static void nothing_answers_for_absent_devices_and_functions(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(mmio_read(bed, ecam(3, 0), 4), 0xffffffff);
    assert_int_equal(mmio_read(bed, ecam(31, 0), 4), 0xffffffff);
    assert_int_equal(mmio_read(bed, ecam(1, 0x1000), 4), 0xffffffff);
    mmio_write(bed, ecam(3, 4), 0xffff, 4);
    mmio_write(bed, ecam(1, 0x1004), 0xffff, 4);
    assert_int_equal(config_read(bed, PCI_COMMAND, 2), 0);
}

static void extended_space_is_empty(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(config_read(bed, 0x100, 4), 0);
    assert_int_equal(config_read(bed, 0xffc, 4), 0);
    config_write(bed, 0x100, 0xffffffff, 4);
    config_write(bed, 0xffe, 0xffffffff, 4);
    /* Across the end of what is stored. */
    assert_int_equal(config_read(bed, 0xfe, 4), 0);
    config_write(bed, 0xfe, 0xffffffff, 4);
    assert_int_equal(config_read(bed, 0x100, 4), 0);
}

static void read_only_bits_stay(void **state)
{
    struct bed *bed = *state;
    uint8_t before[256], after[256];
    for (unsigned i = 0; i < 256; i++)
        before[i] = (uint8_t)config_read(bed, i, 1);
    for (unsigned i = 0; i < 256; i++)
        config_write(bed, i, 0xff, 1);
    for (unsigned i = 0; i < 256; i++)
        after[i] = (uint8_t)config_read(bed, i, 1);
    assert_memory_equal(before, after, PCI_COMMAND);
    assert_int_equal(after[PCI_COMMAND], PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    assert_int_equal(after[PCI_COMMAND + 1], PCI_COMMAND_INTX_DISABLE >> 8);
    assert_memory_equal(before + PCI_STATUS, after + PCI_STATUS, 6);
    assert_int_equal(after[PCI_HEADER_TYPE], 0);
    assert_memory_equal(before + PCI_SUBSYSTEM_VENDOR_ID, after + PCI_SUBSYSTEM_VENDOR_ID, 4);
    assert_int_equal(config_read(bed, bed->cap + PCI_MSIX_FLAGS, 2),
                     PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | (N_VECTORS - 1));
}

static void capabilities_are_a_list_that_ends(void **state)
{
    struct bed *bed = *state;
    assert_true(config_read(bed, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
    unsigned at = config_read(bed, PCI_CAPABILITY_LIST, 1);
    assert_int_equal(at, 0x40);
    assert_int_equal(config_read(bed, at, 1), PCI_CAP_ID_MSIX);
    at = config_read(bed, at + 1, 1);
    assert_int_equal(at % 4, 0);
    assert_int_equal(config_read(bed, at, 1), PCI_CAP_ID_VNDR);
    assert_int_equal(config_read(bed, at + 2, 4), 0x03020106);
    assert_int_equal(config_read(bed, at + 1, 1), 0);
    assert_false(mmio_read(bed, ecam(2, PCI_STATUS), 2) & PCI_STATUS_CAP_LIST);
}

/* BARs. */

static void bars_are_sized_by_writing_ones(void **state)
{
    struct bed *bed = *state;
    uint32_t was = config_read(bed, PCI_BASE_ADDRESS_0, 4);
    config_write(bed, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
    assert_int_equal(config_read(bed, PCI_BASE_ADDRESS_0, 4), ~(BAR_SIZE - 1));
    config_write(bed, PCI_BASE_ADDRESS_0, was, 4);
    assert_int_equal(config_read(bed, PCI_BASE_ADDRESS_0, 4), was);
    config_write(bed, PCI_BASE_ADDRESS_0 + 8, 0xffffffff, 4); /* there is no BAR 2 */
    assert_int_equal(config_read(bed, PCI_BASE_ADDRESS_0 + 8, 4), 0);
    config_write(bed, PCI_ROM_ADDRESS, 0xffffffff, 4);
    assert_int_equal(config_read(bed, PCI_ROM_ADDRESS, 4), 0);
}

static void bars_lie_aligned_and_apart_in_the_window(void **state)
{
    struct bed *bed = *state;
    uint64_t a = bar_gpa(bed, 0), b = bar_gpa(bed, 1);
    assert_true(a >= LAYOUT_PCI_MMIO_BASE && a % BAR_SIZE == 0);
    assert_true(b >= a + BAR_SIZE && b % PCI_MSIX_BAR_SIZE == 0);
    assert_true(b + PCI_MSIX_BAR_SIZE <= LAYOUT_PCI_MMIO_BASE + LAYOUT_PCI_MMIO_SIZE);
}

static void a_bar_answers_only_while_memory_is_enabled(void **state)
{
    struct bed *bed = *state;
    uint64_t gpa = bar_gpa(bed, 0);
    bed->reg = 0x1234;
    assert_int_equal(mmio_read(bed, gpa, 4), 0xffffffff);
    memory_on(bed);
    assert_int_equal(bed->n_moved, 1);
    assert_int_equal(bed->moved_to, gpa);
    assert_int_equal(mmio_read(bed, gpa + 0x10, 4), 0x1234);
    assert_int_equal(bed->last_offset, 0x10);
    mmio_write(bed, gpa + BAR_SIZE - 4, 0x77, 4);
    assert_int_equal(bed->reg, 0x77);
    assert_int_equal(bed->last_offset, BAR_SIZE - 4);
    config_write(bed, PCI_COMMAND, 0, 2);
    assert_int_equal(bed->n_moved, 2);
    assert_true(bed->moved_to == PCI_BAR_OFF);
    assert_int_equal(mmio_read(bed, gpa, 4), 0xffffffff);
}

static void an_access_across_a_bars_end_is_nobodys(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    assert_int_equal(mmio_read(bed, bar_gpa(bed, 0) + BAR_SIZE - 2, 4), 0xffffffff);
}

static void a_bar_follows_where_the_guest_puts_it(void **state)
{
    struct bed *bed = *state;
    uint64_t old = bar_gpa(bed, 0), to = LAYOUT_PCI_MMIO_BASE + 0x1000000;
    bed->reg = 0x5a;
    memory_on(bed);
    config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)to, 4);
    assert_int_equal(bed->moved_to, to);
    assert_int_equal(mmio_read(bed, to, 4), 0x5a);
    assert_int_equal(mmio_read(bed, old, 4), 0xffffffff);
    /* Over RAM, over the interrupt controllers, across the window's end: it answers nowhere. */
    const uint64_t outside[] = { 0x100000, LAYOUT_IOAPIC_BASE, 0xffffc000, LAYOUT_ECAM_BASE };
    for (unsigned i = 0; i < ARRAY_LEN(outside); i++) {
        config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)outside[i], 4);
        assert_true(bed->moved_to == PCI_BAR_OFF);
    }
    uint64_t last = LAYOUT_PCI_MMIO_BASE + LAYOUT_PCI_MMIO_SIZE - BAR_SIZE;
    config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)last, 4);
    assert_int_equal(mmio_read(bed, last + BAR_SIZE - 4, 4), 0x5a);
}

static void a_bar_that_does_not_move_is_not_announced(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    memory_on(bed);
    config_write(bed, PCI_BASE_ADDRESS_0, config_read(bed, PCI_BASE_ADDRESS_0, 4), 4);
    assert_int_equal(bed->n_moved, 1);
}

static void a_full_bus_takes_no_more(void **state)
{
    struct bed *bed = *state;
    static struct pci_dev more[PCI_MAX_DEVS];
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        pci_dev_init(&more[i], &plain_ops, &ids);
        assert_int_equal(pci_host_add(bed->host, &more[i]), i < PCI_MAX_DEVS - 3 ? 0 : -ENOSPC);
        if (i == PCI_FIRST_REMOVABLE - 3)
            assert_int_equal(more[i].slot, PCI_MAX_DEVS - 1);
    }
    assert_int_equal(mmio_read(bed, ecam(PCI_FIRST_REMOVABLE - 1, 0), 4), 0x10421af4);
    assert_int_equal(mmio_read(bed, ecam(PCI_FIRST_REMOVABLE, 0), 4), 0x10421af4);
}

static void what_comes_and_goes_has_its_slots_and_addresses_anew(void **state)
{
    struct bed *bed = *state;
    static struct pci_dev first, second;
    pci_dev_init(&first, &plain_ops, &ids);
    pci_dev_add_bar(&first, 0, 16384);
    pci_dev_init(&second, &plain_ops, &ids);
    pci_dev_add_bar(&second, 0, 16384);
    uint64_t nothing = ecam(PCI_FIRST_REMOVABLE, 0);
    assert_int_equal(mmio_read(bed, nothing, 4), UINT32_MAX);
    assert_int_equal(pci_host_add_removable(bed->host, &first), 0);
    assert_int_equal(first.slot, PCI_FIRST_REMOVABLE);
    assert_int_equal(pci_host_add_removable(bed->host, &second), 0);
    assert_int_equal(second.slot, PCI_FIRST_REMOVABLE + 1);
    assert_int_equal(mmio_read(bed, nothing, 4), 0x10421af4);
    uint32_t gpa = (uint32_t)mmio_read(bed, ecam(PCI_FIRST_REMOVABLE, PCI_BASE_ADDRESS_0), 4);
    assert_int_equal(gpa % 16384, 0);
    assert_int_not_equal(gpa, mmio_read(bed, ecam(PCI_FIRST_REMOVABLE + 1, PCI_BASE_ADDRESS_0), 4));
    mmio_write(bed, ecam(PCI_FIRST_REMOVABLE, PCI_COMMAND), PCI_COMMAND_MEMORY, 2);
    assert_int_equal(first.bar[0].gpa, gpa);

    pci_host_remove(&first);
    pci_host_remove(&first);
    assert_int_equal(first.bar[0].gpa, PCI_BAR_OFF);
    assert_int_equal(mmio_read(bed, nothing, 4), UINT32_MAX);
    pci_dev_init(&first, &plain_ops, &ids);
    pci_dev_add_bar(&first, 0, 16384);
    assert_int_equal(pci_host_add_removable(bed->host, &first), 0);
    assert_int_equal(first.slot, PCI_FIRST_REMOVABLE);
    assert_int_equal(mmio_read(bed, ecam(PCI_FIRST_REMOVABLE, PCI_BASE_ADDRESS_0), 4), gpa);
    pci_host_reset(bed->host);
    assert_int_equal(mmio_read(bed, ecam(PCI_FIRST_REMOVABLE, PCI_BASE_ADDRESS_0), 4), gpa);
    pci_host_remove(&first);
    pci_host_remove(&second);
}

static void a_full_window_takes_no_more_bars(void **state)
{
    struct bed *bed = *state;
    static struct pci_dev big[8];
    int err = 0;
    for (unsigned i = 0; i < ARRAY_LEN(big) && err == 0; i++) {
        pci_dev_init(&big[i], &plain_ops, &ids);
        for (unsigned b = 0; b < PCI_MAX_BARS; b++)
            pci_dev_add_bar(&big[i], b, 16 * MIB);
        err = pci_host_add(bed->host, &big[i]);
    }
    assert_int_equal(err, -ENOSPC); /* 512 MiB hold 31 of these BARs */
}

/* MSI-X. */

static uint64_t entry(struct bed *bed, unsigned v)
{
    return bar_gpa(bed, MSIX_BAR) + (uint64_t)v * PCI_MSIX_ENTRY_SIZE;
}

static void program(struct bed *bed, unsigned v, uint32_t data)
{
    mmio_write(bed, entry(bed, v), 0xfee01000, 4);
    mmio_write(bed, entry(bed, v) + PCI_MSIX_ENTRY_UPPER_ADDR, 0, 4);
    mmio_write(bed, entry(bed, v) + PCI_MSIX_ENTRY_DATA, data, 4);
}

static void mask(struct bed *bed, unsigned v, bool masked)
{
    mmio_write(bed, entry(bed, v) + PCI_MSIX_ENTRY_VECTOR_CTRL, masked, 4);
}

static void msix_control(struct bed *bed, uint32_t flags)
{
    config_write(bed, bed->cap + PCI_MSIX_FLAGS, flags, 2);
}

static uint64_t pending(struct bed *bed)
{
    unsigned at = config_read(bed, bed->cap + PCI_MSIX_PBA, 4);
    assert_int_equal(at & PCI_MSIX_PBA_BIR, MSIX_BAR);
    return mmio_read(bed, bar_gpa(bed, MSIX_BAR) + (at & PCI_MSIX_PBA_OFFSET), 8);
}

/* Vector v raises data, unmasked, for source s. */
static void live(struct bed *bed, unsigned v, unsigned s, uint32_t data)
{
    program(bed, v, data);
    mask(bed, v, false);
    assert_true(pci_msix_connect(bed->dev.msix, s, v));
}

static void a_vector_raises_what_the_guest_programmed(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    assert_true(pci_msix_enabled(bed->dev.msix));
    live(bed, 1, 2, 0x41);
    fd_event_signal(bed->source[2]);
    assert_int_equal(fake_irq_taken(0x41), 1);
    assert_int_equal(mmio_read(bed, entry(bed, 1) + 8, 8), 0x41);
    assert_int_equal(mmio_read(bed, entry(bed, 1), 8), 0xfee01000);

    mask(bed, 1, true);
    program(bed, 1, 0x42);
    mask(bed, 1, false);
    fd_event_signal(bed->source[2]);
    assert_int_equal(fake_irq_taken(0x42), 1);
}

static void a_masked_vector_keeps_its_interrupt_pending(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    live(bed, 0, 0, 0x40);
    live(bed, 2, 1, 0x42);
    mask(bed, 2, true);
    fd_event_signal(bed->source[0]);
    fd_event_signal(bed->source[1]);
    assert_int_equal(fake_irq_taken(0x42), 0);
    assert_int_equal(fake_irq_taken(0x40), 1);
    assert_int_equal(pending(bed), 1u << 2);
    assert_int_equal(pending(bed), 1u << 2); /* looking takes nothing away */
    mask(bed, 2, false);
    assert_int_equal(fake_irq_taken(0x42), 1);
    assert_int_equal(pending(bed), 0);
}

static void the_function_mask_and_the_enable_bit_mask_all(void **state)
{
    struct bed *bed = *state;
    const uint32_t off[] = { PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL, 0 };
    memory_on(bed);
    for (unsigned i = 0; i < ARRAY_LEN(off); i++) {
        msix_control(bed, off[i]);
        live(bed, 0, 0, 0x40);
        live(bed, 1, 1, 0x41);
        fd_event_signal(bed->source[0]);
        fd_event_signal(bed->source[1]);
        assert_int_equal(fake_irq_taken(0x40) + fake_irq_taken(0x41), 0);
        assert_int_equal(pending(bed), 3);
        msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
        assert_int_equal(fake_irq_taken(0x40), 1);
        assert_int_equal(fake_irq_taken(0x41), 1);
    }
}

static void sources_may_share_a_vector(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    live(bed, 0, 0, 0x40);
    live(bed, 0, 1, 0x40);
    fd_event_signal(bed->source[0]);
    assert_int_equal(fake_irq_taken(0x40), 1);
    fd_event_signal(bed->source[1]);
    assert_int_equal(fake_irq_taken(0x40), 1);
    mask(bed, 0, true);
    assert_int_equal(fake_irq.n_irqfds, 0);
    mask(bed, 0, false);
    assert_int_equal(fake_irq.n_irqfds, 2);
}

static void a_source_without_vector_raises_nothing_later(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    program(bed, 0, 0x40);
    mask(bed, 0, false);
    fd_event_signal(bed->source[0]);
    assert_int_equal(pending(bed), 0);
    assert_true(pci_msix_connect(bed->dev.msix, 0, 0));
    assert_int_equal(fake_irq_taken(0x40), 0);
    assert_true(pci_msix_connect(bed->dev.msix, 0, PCI_MSIX_NO_VECTOR));
    fd_event_signal(bed->source[0]);
    assert_int_equal(fake_irq_taken(0x40), 0);
}

static void a_vector_that_is_not_there_is_refused(void **state)
{
    struct bed *bed = *state;
    assert_false(pci_msix_connect(bed->dev.msix, 0, N_VECTORS));
    memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    program(bed, 0, 0x40);
    mask(bed, 0, false);
    fake_irq.fail = -ENOSPC;
    assert_false(pci_msix_connect(bed->dev.msix, 0, 0));
    fake_irq.fail = 0;
    assert_true(pci_msix_connect(bed->dev.msix, 0, 0));
    fd_event_signal(bed->source[0]);
    assert_int_equal(fake_irq_taken(0x40), 1);
}

static void a_route_is_set_once_for_each_change(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    live(bed, 0, 0, 0x40);
    assert_int_equal(fake_irq.gsi[IRQ_IOAPIC_PINS].n_routed, 0);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    assert_int_equal(fake_irq.gsi[IRQ_IOAPIC_PINS].n_routed, 1);
    for (int i = 0; i < 5; i++) {
        mask(bed, 0, true);
        mask(bed, 0, false);
    }
    assert_int_equal(fake_irq.gsi[IRQ_IOAPIC_PINS].n_routed, 1);
}

static void odd_table_accesses_do_nothing(void **state)
{
    struct bed *bed = *state;
    memory_on(bed);
    program(bed, 0, 0x40);
    mmio_write(bed, entry(bed, 0) + 8, 0xff, 1);
    mmio_write(bed, entry(bed, 0) + 10, 0xff, 4);
    mmio_write(bed, entry(bed, 0) + 12, 0xffffffff, 4);
    mmio_write(bed, entry(bed, 0), 0xfee01003, 4);
    mmio_write(bed, entry(bed, N_VECTORS), 0xffff, 4);
    mmio_write(bed, bar_gpa(bed, 1) + 0x1000, ~0ull, 8);
    assert_int_equal(mmio_read(bed, entry(bed, 0), 4), 0xfee01000);
    assert_int_equal(mmio_read(bed, entry(bed, 0) + 8, 8), 0x100000040);
    assert_int_equal(mmio_read(bed, entry(bed, 0) + 8, 1), 0);
    assert_int_equal(mmio_read(bed, entry(bed, N_VECTORS), 4), 0);
    assert_int_equal(pending(bed), 0);
}

static void reset_restores_everything(void **state)
{
    struct bed *bed = *state;
    uint64_t gpa = bar_gpa(bed, 0);
    memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    live(bed, 0, 0, 0x40);
    config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)LAYOUT_PCI_MMIO_BASE + 0x2000000, 4);
    pci_host_reset(bed->host);
    assert_true(bed->moved_to == PCI_BAR_OFF);
    assert_int_equal(bar_gpa(bed, 0), gpa);
    assert_int_equal(config_read(bed, PCI_COMMAND, 2), 0);
    assert_int_equal(config_read(bed, bed->cap + PCI_MSIX_FLAGS, 2), N_VECTORS - 1);
    assert_int_equal(fake_irq.n_irqfds, 0);
    assert_false(pci_msix_enabled(bed->dev.msix));
    memory_on(bed);
    assert_int_equal(mmio_read(bed, entry(bed, 0), 8), 0);
    assert_int_equal(mmio_read(bed, entry(bed, 0) + 8, 8), 1ull << 32);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(devices_stand_behind_a_host_bridge),
        T(nothing_answers_for_absent_devices_and_functions),
        T(extended_space_is_empty),
        T(read_only_bits_stay),
        T(capabilities_are_a_list_that_ends),
        T(bars_are_sized_by_writing_ones),
        T(bars_lie_aligned_and_apart_in_the_window),
        T(a_bar_answers_only_while_memory_is_enabled),
        T(an_access_across_a_bars_end_is_nobodys),
        T(a_bar_follows_where_the_guest_puts_it),
        T(a_bar_that_does_not_move_is_not_announced),
        T(a_full_bus_takes_no_more),
        T(what_comes_and_goes_has_its_slots_and_addresses_anew),
        T(a_full_window_takes_no_more_bars),
        T(a_vector_raises_what_the_guest_programmed),
        T(a_masked_vector_keeps_its_interrupt_pending),
        T(the_function_mask_and_the_enable_bit_mask_all),
        T(sources_may_share_a_vector),
        T(a_source_without_vector_raises_nothing_later),
        T(a_vector_that_is_not_there_is_refused),
        T(a_route_is_set_once_for_each_change),
        T(odd_table_accesses_do_nothing),
        T(reset_restores_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
