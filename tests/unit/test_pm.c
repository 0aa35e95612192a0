// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"
#include "vmm/dev/pci_slots.h"
#include "vmm/dev/pm.h"
#include "vmm/dev/pvpanic.h"

#define STATUS LAYOUT_PM_EVENT_PORT
#define ENABLE (LAYOUT_PM_EVENT_PORT + 2)
#define BUTTON 0x100u

struct fixture {
    struct bus pio;
    struct pm *pm;
    struct pvpanic *pvpanic;
    struct pci_slots *slots;
    uint32_t ejected;
    int sci;
    unsigned offs, resets, panics;
};

static void power_off(void *data)
{
    ((struct fixture *)data)->offs++;
}

static void reset(void *data)
{
    ((struct fixture *)data)->resets++;
}

static void panicked(void *data)
{
    ((struct fixture *)data)->panics++;
}

static void ejected(void *data, uint32_t slots)
{
    ((struct fixture *)data)->ejected |= slots;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    f->sci = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    f->pm = pm_create(&(struct pm_config){ &f->pio, f->sci, power_off, reset, f });
    f->pvpanic = pvpanic_create(&(struct pvpanic_config){ &f->pio, panicked, f });
    f->slots = pci_slots_create(&(struct pci_slots_config){ &f->pio, f->pm, ejected, f });
    return f->pm && f->pvpanic && f->slots ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    pm_destroy(f->pm);
    pvpanic_destroy(f->pvpanic);
    pci_slots_destroy(f->slots);
    close(f->sci);
    free(f);
    return 0;
}

static void out(struct fixture *f, uint64_t port, uint16_t value, unsigned len)
{
    assert_true(bus_write(&f->pio, port, &value, len));
}

static uint16_t in(struct fixture *f, uint64_t port, unsigned len)
{
    uint16_t value = 0;
    assert_true(bus_read(&f->pio, port, &value, len));
    return value;
}

static void the_button_raises_the_sci_where_it_is_enabled(void **state)
{
    struct fixture *f = *state;
    pm_power_button(f->pm);
    assert_false(fd_event_take(f->sci));
    assert_int_equal(in(f, STATUS, 2), BUTTON);
    out(f, ENABLE, BUTTON, 2); /* enabling what is pending raises it */
    assert_true(fd_event_take(f->sci));
    pm_power_button(f->pm);
    assert_false(fd_event_take(f->sci)); /* still the same event */
    out(f, STATUS, BUTTON, 2);
    assert_int_equal(in(f, STATUS, 2), 0);
    pm_power_button(f->pm);
    assert_true(fd_event_take(f->sci));
}

static void out32(struct fixture *f, uint64_t port, uint32_t value)
{
    assert_true(bus_write(&f->pio, port, &value, 4));
}

static uint32_t in32(struct fixture *f, uint64_t port)
{
    uint32_t value = 0;
    assert_true(bus_read(&f->pio, port, &value, 4));
    return value;
}

static void a_general_purpose_event_raises_the_sci_beside_the_button(void **state)
{
    struct fixture *f = *state;
    pm_gpe(f->pm, 1);
    assert_false(fd_event_take(f->sci));
    assert_int_equal(in(f, LAYOUT_GPE_PORT, 1), 2);
    out(f, LAYOUT_GPE_PORT + 1, 0xff, 1);
    assert_true(fd_event_take(f->sci));
    /* The guest may be past the GPEs already when the button is pressed, or the other way round. */
    out(f, ENABLE, BUTTON, 2);
    pm_power_button(f->pm);
    assert_true(fd_event_take(f->sci));
    out(f, LAYOUT_GPE_PORT, 2, 1);
    assert_int_equal(in(f, LAYOUT_GPE_PORT, 1), 0);
    pm_gpe(f->pm, 1);
    assert_true(fd_event_take(f->sci));
    pm_reset(f->pm);
    assert_int_equal(in(f, LAYOUT_GPE_PORT, 2), 0);
}

static void slots_are_told_once_and_their_devices_ejected(void **state)
{
    struct fixture *f = *state;
    out(f, LAYOUT_GPE_PORT + 1, 2, 1);
    pci_slots_came(f->slots, 16);
    pci_slots_came(f->slots, 31);
    pci_slots_ask_back(f->slots, 17);
    assert_true(fd_event_take(f->sci));
    assert_int_equal(in32(f, LAYOUT_PCI_SLOTS_PORT), 1u << 31 | 1u << 16);
    assert_int_equal(in32(f, LAYOUT_PCI_SLOTS_PORT), 0);
    assert_int_equal(in32(f, LAYOUT_PCI_SLOTS_PORT + 4), 1u << 17);
    assert_int_equal(in32(f, LAYOUT_PCI_SLOTS_PORT + 4), 0);
    out32(f, LAYOUT_PCI_SLOTS_PORT + 8, 1u << 17);
    assert_int_equal(f->ejected, 1u << 17);
    /* What no method of ours does has no effect. */
    out(f, LAYOUT_PCI_SLOTS_PORT + 8, 0xffff, 2);
    out32(f, LAYOUT_PCI_SLOTS_PORT, UINT32_MAX);
    assert_int_equal(f->ejected, 1u << 17);
    pci_slots_came(f->slots, 20);
    assert_int_equal(in(f, LAYOUT_PCI_SLOTS_PORT + 2, 2), 0);
    pci_slots_reset(f->slots);
    assert_int_equal(in32(f, LAYOUT_PCI_SLOTS_PORT), 0);
}

static void the_enable_bits_of_events_that_never_come_are_kept(void **state)
{
    struct fixture *f = *state;
    out(f, ENABLE, 0xffff, 2);
    assert_int_equal(in(f, ENABLE, 2), 0x721); /* ACPI 6.5, table 4.12 */
    assert_int_equal(in(f, STATUS, 2), 0);
    assert_false(fd_event_take(f->sci));
}

static void the_event_block_takes_bytes_and_words(void **state)
{
    struct fixture *f = *state;
    out(f, ENABLE + 1, 1, 1);
    assert_int_equal(in(f, ENABLE, 2), BUTTON);
    pm_power_button(f->pm);
    assert_int_equal(in(f, STATUS + 1, 1), 1);
    out(f, STATUS, 0xff, 1);
    assert_int_equal(in(f, STATUS, 2), BUTTON);
    out(f, STATUS + 1, 1, 1);
    assert_int_equal(in(f, STATUS, 2), 0);
    assert_int_equal(in(f, ENABLE, 2), BUTTON);
    pm_reset(f->pm);
    assert_int_equal(in(f, ENABLE, 2), 0);
}

static void s5_switches_off_and_nothing_else_does(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(in(f, LAYOUT_PM_CONTROL_PORT, 2), 1); /* SCI_EN */
    out(f, LAYOUT_PM_CONTROL_PORT, 5 << 10, 2);
    out(f, LAYOUT_PM_CONTROL_PORT, 3 << 10 | 1 << 13, 2);
    assert_int_equal(f->offs, 0);
    out(f, LAYOUT_PM_CONTROL_PORT, 5 << 10 | 1 << 13, 2);
    assert_int_equal(f->offs, 1);
    assert_int_equal(in(f, LAYOUT_PM_CONTROL_PORT, 2), 5 << 10 | 1); /* SLP_EN reads as 0 */
    assert_int_equal(f->resets, 0);
}

static void the_reset_register_resets_by_bit_2(void **state)
{
    struct fixture *f = *state;
    out(f, LAYOUT_RESET_PORT, 2, 1);
    assert_int_equal(f->resets, 0);
    assert_int_equal(in(f, LAYOUT_RESET_PORT, 1), 2);
    out(f, LAYOUT_RESET_PORT, 6, 1);
    assert_int_equal(f->resets, 1);
}

static void pvpanic_tells_of_a_panic(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(in(f, LAYOUT_PVPANIC_PORT, 1), 1);
    out(f, LAYOUT_PVPANIC_PORT, 2, 1);
    assert_int_equal(f->panics, 0);
    out(f, LAYOUT_PVPANIC_PORT, 1, 1);
    assert_int_equal(f->panics, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(the_button_raises_the_sci_where_it_is_enabled),
        TEST(a_general_purpose_event_raises_the_sci_beside_the_button),
        TEST(slots_are_told_once_and_their_devices_ejected),
        TEST(the_enable_bits_of_events_that_never_come_are_kept),
        TEST(the_event_block_takes_bytes_and_words),
        TEST(s5_switches_off_and_nothing_else_does),
        TEST(the_reset_register_resets_by_bit_2),
        TEST(pvpanic_tells_of_a_panic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
