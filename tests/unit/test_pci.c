// SPDX-License-Identifier: MIT
/* The PCI host as a guest sees it: ECAM and BARs, through the bus. */
#include <errno.h>
#include <linux/pci_regs.h>

#include "tests/test.h"
#include "tests/unit/pci_bed.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci_msix.h"

/* Configuration space. */

static void devices_stand_behind_a_host_bridge(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(bed_mmio_read(bed, bed_ecam(0, PCI_CLASS_DEVICE), 2), 0x0600);
    assert_int_equal(bed_config_read(bed, PCI_VENDOR_ID, 4), 0x10421af4);
    assert_int_equal(bed_config_read(bed, PCI_CLASS_REVISION, 4), 0x01800001);
    assert_int_equal(bed_config_read(bed, PCI_SUBSYSTEM_VENDOR_ID, 4), 0x00401af4);
    assert_int_equal(bed_config_read(bed, PCI_HEADER_TYPE, 1), PCI_HEADER_TYPE_NORMAL);
    assert_int_equal(bed_config_read(bed, PCI_INTERRUPT_PIN, 1), 0);
}

static void nothing_answers_for_absent_devices_and_functions(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(bed_mmio_read(bed, bed_ecam(3, 0), 4), 0xffffffff);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(31, 0), 4), 0xffffffff);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(1, 0x1000), 4), 0xffffffff);
    bed_mmio_write(bed, bed_ecam(3, 4), 0xffff, 4);
    bed_mmio_write(bed, bed_ecam(1, 0x1004), 0xffff, 4);
    assert_int_equal(bed_config_read(bed, PCI_COMMAND, 2), 0);
}

static void extended_space_is_empty(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(bed_config_read(bed, 0x100, 4), 0);
    assert_int_equal(bed_config_read(bed, 0xffc, 4), 0);
    bed_config_write(bed, 0x100, 0xffffffff, 4);
    bed_config_write(bed, 0xffe, 0xffffffff, 4);
    /* Across the end of what is stored. */
    assert_int_equal(bed_config_read(bed, 0xfe, 4), 0);
    bed_config_write(bed, 0xfe, 0xffffffff, 4);
    assert_int_equal(bed_config_read(bed, 0x100, 4), 0);
}

static void read_only_bits_stay(void **state)
{
    struct bed *bed = *state;
    uint8_t before[256], after[256];
    for (unsigned i = 0; i < 256; i++)
        before[i] = (uint8_t)bed_config_read(bed, i, 1);
    for (unsigned i = 0; i < 256; i++)
        bed_config_write(bed, i, 0xff, 1);
    for (unsigned i = 0; i < 256; i++)
        after[i] = (uint8_t)bed_config_read(bed, i, 1);
    assert_memory_equal(before, after, PCI_COMMAND);
    assert_int_equal(after[PCI_COMMAND], PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    assert_int_equal(after[PCI_COMMAND + 1], PCI_COMMAND_INTX_DISABLE >> 8);
    assert_memory_equal(before + PCI_STATUS, after + PCI_STATUS, 6);
    assert_int_equal(after[PCI_HEADER_TYPE], 0);
    assert_memory_equal(before + PCI_SUBSYSTEM_VENDOR_ID, after + PCI_SUBSYSTEM_VENDOR_ID, 4);
    assert_int_equal(bed_config_read(bed, bed->cap + PCI_MSIX_FLAGS, 2),
                     PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL | (N_VECTORS - 1));
}

static void capabilities_are_a_list_that_ends(void **state)
{
    struct bed *bed = *state;
    assert_true(bed_config_read(bed, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
    unsigned at = bed_config_read(bed, PCI_CAPABILITY_LIST, 1);
    assert_int_equal(at, 0x40);
    assert_int_equal(bed_config_read(bed, at, 1), PCI_CAP_ID_MSIX);
    at = bed_config_read(bed, at + 1, 1);
    assert_int_equal(at % 4, 0);
    assert_int_equal(bed_config_read(bed, at, 1), PCI_CAP_ID_VNDR);
    assert_int_equal(bed_config_read(bed, at + 2, 4), 0x03020106);
    assert_int_equal(bed_config_read(bed, at + 1, 1), 0);
    assert_false(bed_mmio_read(bed, bed_ecam(2, PCI_STATUS), 2) & PCI_STATUS_CAP_LIST);
}

/* BARs. */

static void bars_are_sized_by_writing_ones(void **state)
{
    struct bed *bed = *state;
    uint32_t was = bed_config_read(bed, PCI_BASE_ADDRESS_0, 4);
    bed_config_write(bed, PCI_BASE_ADDRESS_0, 0xffffffff, 4);
    assert_int_equal(bed_config_read(bed, PCI_BASE_ADDRESS_0, 4), ~(BAR_SIZE - 1));
    bed_config_write(bed, PCI_BASE_ADDRESS_0, was, 4);
    assert_int_equal(bed_config_read(bed, PCI_BASE_ADDRESS_0, 4), was);
    bed_config_write(bed, PCI_BASE_ADDRESS_0 + 8, 0xffffffff, 4); /* there is no BAR 2 */
    assert_int_equal(bed_config_read(bed, PCI_BASE_ADDRESS_0 + 8, 4), 0);
    bed_config_write(bed, PCI_ROM_ADDRESS, 0xffffffff, 4);
    assert_int_equal(bed_config_read(bed, PCI_ROM_ADDRESS, 4), 0);
}

static void bars_lie_aligned_and_apart_in_the_window(void **state)
{
    struct bed *bed = *state;
    uint64_t a = bed_bar_gpa(bed, 0), b = bed_bar_gpa(bed, 1);
    assert_true(a >= LAYOUT_PCI_MMIO_BASE && a % BAR_SIZE == 0);
    assert_true(b >= a + BAR_SIZE && b % PCI_MSIX_BAR_SIZE == 0);
    assert_true(b + PCI_MSIX_BAR_SIZE <= LAYOUT_PCI_MMIO_BASE + LAYOUT_PCI_MMIO_SIZE);
}

static void a_bar_answers_only_while_memory_is_enabled(void **state)
{
    struct bed *bed = *state;
    uint64_t gpa = bed_bar_gpa(bed, 0);
    bed->reg = 0x1234;
    assert_int_equal(bed_mmio_read(bed, gpa, 4), 0xffffffff);
    bed_memory_on(bed);
    assert_int_equal(bed->n_moved, 1);
    assert_int_equal(bed->moved_to, gpa);
    assert_int_equal(bed_mmio_read(bed, gpa + 0x10, 4), 0x1234);
    assert_int_equal(bed->last_offset, 0x10);
    bed_mmio_write(bed, gpa + BAR_SIZE - 4, 0x77, 4);
    assert_int_equal(bed->reg, 0x77);
    assert_int_equal(bed->last_offset, BAR_SIZE - 4);
    bed_config_write(bed, PCI_COMMAND, 0, 2);
    assert_int_equal(bed->n_moved, 2);
    assert_true(bed->moved_to == PCI_BAR_OFF);
    assert_int_equal(bed_mmio_read(bed, gpa, 4), 0xffffffff);
}

static void an_access_across_a_bars_end_is_nobodys(void **state)
{
    struct bed *bed = *state;
    bed_memory_on(bed);
    assert_int_equal(bed_mmio_read(bed, bed_bar_gpa(bed, 0) + BAR_SIZE - 2, 4), 0xffffffff);
}

static void a_bar_follows_where_the_guest_puts_it(void **state)
{
    struct bed *bed = *state;
    uint64_t old = bed_bar_gpa(bed, 0), to = LAYOUT_PCI_MMIO_BASE + 0x1000000;
    bed->reg = 0x5a;
    bed_memory_on(bed);
    bed_config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)to, 4);
    assert_int_equal(bed->moved_to, to);
    assert_int_equal(bed_mmio_read(bed, to, 4), 0x5a);
    assert_int_equal(bed_mmio_read(bed, old, 4), 0xffffffff);
    /* Over RAM, over the interrupt controllers, across the window's end: it answers nowhere. */
    const uint64_t outside[] = { 0x100000, LAYOUT_IOAPIC_BASE, 0xffffc000, LAYOUT_ECAM_BASE };
    for (unsigned i = 0; i < ARRAY_LEN(outside); i++) {
        bed_config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)outside[i], 4);
        assert_true(bed->moved_to == PCI_BAR_OFF);
    }
    uint64_t last = LAYOUT_PCI_MMIO_BASE + LAYOUT_PCI_MMIO_SIZE - BAR_SIZE;
    bed_config_write(bed, PCI_BASE_ADDRESS_0, (uint32_t)last, 4);
    assert_int_equal(bed_mmio_read(bed, last + BAR_SIZE - 4, 4), 0x5a);
}

static void a_bar_that_does_not_move_is_not_announced(void **state)
{
    struct bed *bed = *state;
    bed_memory_on(bed);
    bed_memory_on(bed);
    bed_config_write(bed, PCI_BASE_ADDRESS_0, bed_config_read(bed, PCI_BASE_ADDRESS_0, 4), 4);
    assert_int_equal(bed->n_moved, 1);
}

static void a_full_bus_takes_no_more(void **state)
{
    struct bed *bed = *state;
    static struct pci_dev more[PCI_MAX_DEVS];
    for (unsigned i = 0; i < PCI_MAX_DEVS; i++) {
        pci_dev_init(&more[i], &bed_plain_ops, &bed_ids);
        assert_int_equal(pci_host_add(bed->host, &more[i]), i < PCI_MAX_DEVS - 3 ? 0 : -ENOSPC);
        if (i == PCI_FIRST_REMOVABLE - 3)
            assert_int_equal(more[i].slot, PCI_MAX_DEVS - 1);
    }
    assert_int_equal(bed_mmio_read(bed, bed_ecam(PCI_FIRST_REMOVABLE - 1, 0), 4), 0x10421af4);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(PCI_FIRST_REMOVABLE, 0), 4), 0x10421af4);
}

static void what_comes_and_goes_has_its_slots_and_addresses_anew(void **state)
{
    struct bed *bed = *state;
    static struct pci_dev first, second;
    pci_dev_init(&first, &bed_plain_ops, &bed_ids);
    pci_dev_add_bar(&first, 0, 16384);
    pci_dev_init(&second, &bed_plain_ops, &bed_ids);
    pci_dev_add_bar(&second, 0, 16384);
    uint64_t nothing = bed_ecam(PCI_FIRST_REMOVABLE, 0);
    assert_int_equal(bed_mmio_read(bed, nothing, 4), UINT32_MAX);
    assert_int_equal(pci_host_add_removable(bed->host, &first), 0);
    assert_int_equal(first.slot, PCI_FIRST_REMOVABLE);
    assert_int_equal(pci_host_add_removable(bed->host, &second), 0);
    assert_int_equal(second.slot, PCI_FIRST_REMOVABLE + 1);
    assert_int_equal(bed_mmio_read(bed, nothing, 4), 0x10421af4);
    uint32_t gpa =
        (uint32_t)bed_mmio_read(bed, bed_ecam(PCI_FIRST_REMOVABLE, PCI_BASE_ADDRESS_0), 4);
    assert_int_equal(gpa % 16384, 0);
    assert_int_not_equal(
        gpa, bed_mmio_read(bed, bed_ecam(PCI_FIRST_REMOVABLE + 1, PCI_BASE_ADDRESS_0), 4));
    bed_mmio_write(bed, bed_ecam(PCI_FIRST_REMOVABLE, PCI_COMMAND), PCI_COMMAND_MEMORY, 2);
    assert_int_equal(first.bar[0].gpa, gpa);

    pci_host_remove(&first);
    pci_host_remove(&first);
    assert_int_equal(first.bar[0].gpa, PCI_BAR_OFF);
    assert_int_equal(bed_mmio_read(bed, nothing, 4), UINT32_MAX);
    pci_dev_init(&first, &bed_plain_ops, &bed_ids);
    pci_dev_add_bar(&first, 0, 16384);
    assert_int_equal(pci_host_add_removable(bed->host, &first), 0);
    assert_int_equal(first.slot, PCI_FIRST_REMOVABLE);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(PCI_FIRST_REMOVABLE, PCI_BASE_ADDRESS_0), 4), gpa);
    pci_host_reset(bed->host);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(PCI_FIRST_REMOVABLE, PCI_BASE_ADDRESS_0), 4), gpa);
    pci_host_remove(&first);
    pci_host_remove(&second);
}

static void a_full_window_takes_no_more_bars(void **state)
{
    struct bed *bed = *state;
    static struct pci_dev big[8];
    int err = 0;
    for (unsigned i = 0; i < ARRAY_LEN(big) && err == 0; i++) {
        pci_dev_init(&big[i], &bed_plain_ops, &bed_ids);
        for (unsigned b = 0; b < PCI_MAX_BARS; b++)
            pci_dev_add_bar(&big[i], b, 16 * MIB);
        err = pci_host_add(bed->host, &big[i]);
    }
    assert_int_equal(err, -ENOSPC); /* 512 MiB hold 31 of these BARs */
}

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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
