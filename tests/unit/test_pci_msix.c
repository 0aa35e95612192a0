// SPDX-License-Identifier: MIT
/* MSI-X as a guest sees it: its table, its pending bits, and what masks it. */
#include <errno.h>
#include <linux/pci_regs.h>

#include "tests/fake_irq.h"
#include "tests/test.h"
#include "tests/unit/pci_bed.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/irq.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci_msix.h"

static uint64_t entry(struct bed *bed, unsigned v)
{
    return bed_bar_gpa(bed, MSIX_BAR) + (uint64_t)v * PCI_MSIX_ENTRY_SIZE;
}

static void program(struct bed *bed, unsigned v, uint32_t data)
{
    bed_mmio_write(bed, entry(bed, v), 0xfee01000, 4);
    bed_mmio_write(bed, entry(bed, v) + PCI_MSIX_ENTRY_UPPER_ADDR, 0, 4);
    bed_mmio_write(bed, entry(bed, v) + PCI_MSIX_ENTRY_DATA, data, 4);
}

static void mask(struct bed *bed, unsigned v, bool masked)
{
    bed_mmio_write(bed, entry(bed, v) + PCI_MSIX_ENTRY_VECTOR_CTRL, masked, 4);
}

static void msix_control(struct bed *bed, uint32_t flags)
{
    bed_config_write(bed, bed->cap + PCI_MSIX_FLAGS, flags, 2);
}

static uint64_t pending(struct bed *bed)
{
    unsigned at = bed_config_read(bed, bed->cap + PCI_MSIX_PBA, 4);
    assert_int_equal(at & PCI_MSIX_PBA_BIR, MSIX_BAR);
    return bed_mmio_read(bed, bed_bar_gpa(bed, MSIX_BAR) + (at & PCI_MSIX_PBA_OFFSET), 8);
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
    bed_memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    assert_true(pci_msix_enabled(bed->dev.msix));
    live(bed, 1, 2, 0x41);
    fd_event_signal(bed->source[2]);
    assert_int_equal(fake_irq_taken(0x41), 1);
    assert_int_equal(bed_mmio_read(bed, entry(bed, 1) + 8, 8), 0x41);
    assert_int_equal(bed_mmio_read(bed, entry(bed, 1), 8), 0xfee01000);

    mask(bed, 1, true);
    program(bed, 1, 0x42);
    mask(bed, 1, false);
    fd_event_signal(bed->source[2]);
    assert_int_equal(fake_irq_taken(0x42), 1);
}

static void a_masked_vector_keeps_its_interrupt_pending(void **state)
{
    struct bed *bed = *state;
    bed_memory_on(bed);
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
    bed_memory_on(bed);
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
    bed_memory_on(bed);
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
    bed_memory_on(bed);
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
    bed_memory_on(bed);
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
    bed_memory_on(bed);
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
    bed_memory_on(bed);
    program(bed, 0, 0x40);
    bed_mmio_write(bed, entry(bed, 0) + 8, 0xff, 1);
    bed_mmio_write(bed, entry(bed, 0) + 10, 0xff, 4);
    bed_mmio_write(bed, entry(bed, 0) + 12, 0xffffffff, 4);
    bed_mmio_write(bed, entry(bed, 0), 0xfee01003, 4);
    bed_mmio_write(bed, entry(bed, N_VECTORS), 0xffff, 4);
    bed_mmio_write(bed, bed_bar_gpa(bed, 1) + 0x1000, ~0ull, 8);
    assert_int_equal(bed_mmio_read(bed, entry(bed, 0), 4), 0xfee01000);
    assert_int_equal(bed_mmio_read(bed, entry(bed, 0) + 8, 8), 0x100000040);
    assert_int_equal(bed_mmio_read(bed, entry(bed, 0) + 8, 1), 0);
    assert_int_equal(bed_mmio_read(bed, entry(bed, N_VECTORS), 4), 0);
    assert_int_equal(pending(bed), 0);
}

static void reset_restores_everything(void **state)
{
    struct bed *bed = *state;
    uint64_t gpa = bed_bar_gpa(bed, 0);
    bed_memory_on(bed);
    msix_control(bed, PCI_MSIX_FLAGS_ENABLE);
    live(bed, 0, 0, 0x40);
    bed_config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)LAYOUT_PCI_MMIO_BASE + 0x2000000, 4);
    pci_host_reset(bed->host);
    assert_true(bed->moved_to == PCI_BAR_OFF);
    assert_int_equal(bed_bar_gpa(bed, 0), gpa);
    assert_int_equal(bed_config_read(bed, PCI_COMMAND, 2), 0);
    assert_int_equal(bed_config_read(bed, bed->cap + PCI_MSIX_FLAGS, 2), N_VECTORS - 1);
    assert_int_equal(fake_irq.n_irqfds, 0);
    assert_false(pci_msix_enabled(bed->dev.msix));
    bed_memory_on(bed);
    assert_int_equal(bed_mmio_read(bed, entry(bed, 0), 8), 0);
    assert_int_equal(bed_mmio_read(bed, entry(bed, 0) + 8, 8), 1ull << 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
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
