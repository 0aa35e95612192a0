// SPDX-License-Identifier: MIT
/* virtio-pci as a driver drives it: every access goes through the bus. */
#include <errno.h>
#include <linux/pci_regs.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fake_irq.h"
#include "tests/test.h"
#include "tests/unit/virtio_pci_bed.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci.h"
#include "vmm/virtio/virtio_pci.h"

static void all_structures_are_found(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(bed_mmio_read(bed, bed_ecam(0), 4), 0x10441af4);
    assert_true(bed_mmio_read(bed, bed_ecam(PCI_REVISION_ID), 1) >= 1);
    assert_true(bed->common && bed->notify && bed->isr && bed->device && bed->cfg_cap);
    assert_int_equal(GET(num_queues), 2);
    assert_int_equal(GET(device_status), 0);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(bed->msix_cap + PCI_MSIX_FLAGS), 2), 2);
    assert_int_equal(bed_mmio_read(bed, bed->common + 56, 4), 0);
}

static void features_are_offered_in_words(void **state)
{
    struct bed *bed = *state;
    SET(device_feature_select, 0);
    assert_int_equal(GET(device_feature), (uint32_t)ALL_FEATURES);
    SET(device_feature_select, 1);
    assert_int_equal(GET(device_feature), ALL_FEATURES >> 32);
    SET(device_feature_select, 2);
    assert_int_equal(GET(device_feature), 0);
    SET(device_feature_select, UINT32_MAX);
    assert_int_equal(GET(device_feature), 0);
}

static void an_outside_device_offers_its_own_ring_features(void **state)
{
    struct bed *bed = *state;
    SET(device_feature_select, 0);
    assert_int_equal(GET(device_feature), (uint32_t)OFFERED);
}

static void features_that_were_not_offered_are_refused(void **state)
{
    struct bed *bed = *state;
    bed_negotiate(bed, ALL_FEATURES | 1ull << 41);
    assert_int_equal(GET(device_status), SET_UP & ~VIRTIO_CONFIG_S_FEATURES_OK);
    SET(guest_feature_select, 1);
    SET(guest_feature, ALL_FEATURES >> 32);
    SET(device_status, SET_UP);
    assert_int_equal(GET(device_status), SET_UP);
}

static void a_driver_without_version_1_is_refused(void **state)
{
    struct bed *bed = *state;
    bed_negotiate(bed, OFFERED);
    assert_int_equal(GET(device_status), SET_UP & ~VIRTIO_CONFIG_S_FEATURES_OK);
    SET(device_status, SET_UP | VIRTIO_CONFIG_S_DRIVER_OK);
    bed_run(bed);
    assert_int_equal(bed->n_started, 0);
}

static void features_are_fixed_after_features_ok(void **state)
{
    struct bed *bed = *state;
    bed_negotiate(bed, ALL_FEATURES);
    SET(guest_feature_select, 0);
    SET(guest_feature, 0);
    assert_int_equal(GET(guest_feature), (uint32_t)ALL_FEATURES);
}

static void status_bits_are_cleared_by_reset_only(void **state)
{
    struct bed *bed = *state;
    bed_negotiate(bed, ALL_FEATURES);
    SET(device_status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    assert_int_equal(GET(device_status), SET_UP);
    SET(device_status, SET_UP | VIRTIO_CONFIG_S_NEEDS_RESET);
    assert_int_equal(GET(device_status), SET_UP);
    SET(device_status, 0);
    assert_int_equal(GET(device_status), 0);
}

static void queues_say_what_they_can_and_take_what_fits(void **state)
{
    struct bed *bed = *state;
    bed_negotiate(bed, ALL_FEATURES);
    SET(queue_select, 1);
    assert_int_equal(GET(queue_size), 16);
    assert_int_equal(GET(queue_enable), 0);
    assert_int_equal(GET(queue_msix_vector), VIRTIO_MSI_NO_VECTOR);
    const uint16_t bad[] = { 0, 3, 32, 0xffff };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        SET(queue_size, bad[i]);
        assert_int_equal(GET(queue_size), 16);
    }
    SET(queue_size, 8);
    assert_int_equal(GET(queue_size), 8);
    bed_mmio_write(bed, bed->common + VIRTIO_PCI_COMMON_Q_DESCLO, 0x123456789000, 8);
    assert_int_equal(GET(queue_desc_lo), 0x56789000);
    assert_int_equal(GET(queue_desc_hi), 0x1234);
    SET(queue_enable, 1);
    SET(queue_size, 4);
    assert_int_equal(GET(queue_size), 8);

    SET(queue_select, 2);
    assert_int_equal(GET(queue_size), 0);
    SET(queue_size, 8);
    SET(queue_enable, 1);
    SET(queue_msix_vector, 0);
    assert_int_equal(GET(queue_enable), 0);
    assert_int_equal(GET(queue_msix_vector), VIRTIO_MSI_NO_VECTOR);
}

static void a_vector_that_is_not_there_reads_back_as_none(void **state)
{
    struct bed *bed = *state;
    SET(msix_config, 3);
    assert_int_equal(GET(msix_config), VIRTIO_MSI_NO_VECTOR);
    SET(msix_config, 2);
    assert_int_equal(GET(msix_config), 2);
}

static void writes_of_the_wrong_width_do_nothing(void **state)
{
    struct bed *bed = *state;
    bed_mmio_write(bed, bed->common + VIRTIO_PCI_COMMON_STATUS, 1, 4);
    bed_mmio_write(bed, bed->common + VIRTIO_PCI_COMMON_DFSELECT, 1, 1);
    bed_mmio_write(bed, bed->common + VIRTIO_PCI_COMMON_NUMQ, 9, 2);
    bed_mmio_write(bed, bed->common + 0x800, 9, 8);
    assert_int_equal(GET(device_status), 0);
    assert_int_equal(GET(device_feature_select), 0);
    assert_int_equal(GET(num_queues), 2);
}

static void a_chain_travels_by_doorbell_and_interrupt(void **state)
{
    struct bed *bed = *state;
    for (int event_idx = 0; event_idx < 2; event_idx++) {
        struct ring ring;
        bed_bring_up(bed, &ring, event_idx);
        assert_int_equal(bed->n_started, event_idx + 1);
        assert_int_equal(virtio_has(&bed->dev, VIRTIO_RING_F_EVENT_IDX), event_idx);
        for (int i = 0; i < 100; i++) {
            ring_want_interrupt(&ring);
            bed_add_one(&ring);
            assert_true(ring_must_kick(&ring) || i == 0);
            bed_ring_doorbell(bed, 0);
            bed_run(bed);
            assert_int_equal(fake_irq_taken(0x41), 1);
            assert_true(ring_take(&ring, NULL) >= 0);
        }
        SET(device_status, 0);
        bed_run(bed);
    }
}

static void a_doorbell_that_rang_before_the_start_is_heard(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    ring_init(&ring, &bed->mem, 0x10000, 16, false, NULL);
    bed_negotiate(bed, ALL_FEATURES & ~(1ull << VIRTIO_RING_F_EVENT_IDX));
    bed_enable_queue(bed, 0, &ring);
    SET(device_status, SET_UP | VIRTIO_CONFIG_S_DRIVER_OK);
    bed_add_one(&ring);
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    bed_run(bed);
    assert_true(ring_take(&ring, NULL) >= 0);
}

static void a_doorbell_that_the_kernel_did_not_take_still_rings(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed_bring_up(bed, &ring, false);
    bed_add_one(&ring);
    bed_mmio_write(bed, bed->notify, 0, 2);
    bed_mmio_write(bed, bed->notify + bed->notify_multiplier, 1, 2);
    assert_true(fd_event_take(bed->dev.queue[1].kick_fd));
    bed_mmio_write(bed, bed->notify + 2ull * bed->notify_multiplier, 2,
                   2); /* there is no queue 2 */
    bed_run(bed);
    assert_true(ring_take(&ring, NULL) >= 0);
}

static void doorbells_follow_the_bar(void **state)
{
    struct bed *bed = *state;
    uint64_t was = bed->notify;
    assert_int_equal(fake_irq.n_ioeventfds, 2);
    bed_mmio_write(bed, bed_ecam(PCI_BASE_ADDRESS_0), LAYOUT_PCI_MMIO_BASE + 0x800000, 4);
    bed_probe(bed);
    assert_true(bed->notify != was);
    assert_int_equal(fake_ioeventfd_at(was), -1);
    assert_int_equal(fake_ioeventfd_at(bed->notify), bed->dev.queue[0].kick_fd);
    assert_int_equal(fake_ioeventfd_at(bed->notify + bed->notify_multiplier),
                     bed->dev.queue[1].kick_fd);
    bed_mmio_write(bed, bed_ecam(PCI_COMMAND), 0, 2);
    assert_int_equal(fake_irq.n_ioeventfds, 0);
}

static void status_reads_zero_only_when_the_device_has_stopped(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed_bring_up(bed, &ring, false);
    SET(device_status, 0);
    assert_int_equal(GET(device_status), SET_UP | VIRTIO_CONFIG_S_DRIVER_OK);
    /* Nothing else counts until then. */
    SET(device_status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
    SET(queue_select, 1);
    SET(device_status, 0);
    assert_int_equal(bed->n_stopped, 0);
    bed_run(bed);
    assert_int_equal(bed->n_stopped, 1);
    assert_int_equal(GET(device_status), 0);
    assert_int_equal(GET(msix_config), VIRTIO_MSI_NO_VECTOR);
    SET(queue_select, 0);
    assert_int_equal(GET(queue_enable), 0);
    assert_int_equal(GET(queue_size), 64);
    assert_int_equal(GET(queue_desc_lo), 0);
    assert_int_equal(fake_irq.n_irqfds, 0);
    bed_add_one(&ring);
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    assert_int_equal(bed->n_kicked, 0);
}

static void a_doorbell_that_rang_before_a_reset_is_forgotten(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed_bring_up(bed, &ring, false);
    SET(device_status, 0);
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    bed->n_kicked = 0;
    bed_bring_up(bed, &ring, false);
    bed_run(bed);
    assert_int_equal(bed->n_kicked, 0);
}

static void a_reset_overtakes_a_start(void **state)
{
    struct bed *bed = *state;
    bed_negotiate(bed, ALL_FEATURES);
    SET(device_status, SET_UP | VIRTIO_CONFIG_S_DRIVER_OK);
    SET(device_status, 0);
    bed_run(bed);
    bed_run(bed);
    assert_int_equal(bed->n_started, 0);
    assert_int_equal(GET(device_status), 0);
}

static void a_start_that_fails_needs_a_reset(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed->start_error = -EIO;
    bed_bring_up(bed, &ring, false);
    assert_true(GET(device_status) & VIRTIO_CONFIG_S_NEEDS_RESET);
    assert_int_equal(fake_irq_taken(0x40), 1);
    assert_int_equal(bed_mmio_read(bed, bed->isr, 1), VIRTIO_PCI_ISR_CONFIG);
    assert_int_equal(bed_mmio_read(bed, bed->isr, 1), 0);
    SET(device_status, 0);
    bed_run(bed);
    assert_int_equal(GET(device_status), 0);
}

static void a_ring_outside_ram_needs_a_reset(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    ring_init(&ring, &bed->mem, 0x10000, 16, false, NULL);
    ring.used_gpa = 2 * MIB;
    bed_negotiate(bed, ALL_FEATURES);
    bed_enable_queue(bed, 0, &ring);
    SET(device_status, SET_UP | VIRTIO_CONFIG_S_DRIVER_OK);
    bed_run(bed);
    assert_true(GET(device_status) & VIRTIO_CONFIG_S_NEEDS_RESET);
    assert_int_equal(bed->n_started, 0);
}

static void a_malformed_chain_needs_a_reset_and_a_reset_heals(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed_bring_up(bed, &ring, false);
    ring_publish(&ring, 99);
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    assert_true(GET(device_status) & VIRTIO_CONFIG_S_NEEDS_RESET);
    /* The driver may not have seen the bit yet. */
    SET(device_status, SET_UP | VIRTIO_CONFIG_S_DRIVER_OK);
    assert_true(GET(device_status) & VIRTIO_CONFIG_S_NEEDS_RESET);
    SET(device_status, 0);
    bed_run(bed);
    bed_bring_up(bed, &ring, false);
    assert_false(GET(device_status) & VIRTIO_CONFIG_S_NEEDS_RESET);
    bed_add_one(&ring);
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    assert_true(ring_take(&ring, NULL) >= 0);
}

static void an_outside_device_gets_queues_that_are_not_mapped(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed_bring_up(bed, &ring, false);
    assert_int_equal(bed->n_started, 1);
    const struct virtq *q = &bed->dev.queue[0];
    assert_true(q->enabled);
    assert_int_equal(q->size, 16);
    assert_int_equal(q->desc_gpa, ring.desc_gpa);
    assert_int_equal(q->driver_gpa, ring.avail_gpa);
    assert_int_equal(q->device_gpa, ring.used_gpa);
    assert_null(q->desc);
    assert_false(bed->dev.queue[1].enabled);
    /* Its doorbell is left for whoever has the eventfd, and so is its interrupt. */
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    assert_true(fd_event_take(q->kick_fd));
    fd_event_signal(q->call_fd);
    assert_int_equal(fake_irq_taken(0x41), 1);
}

static void configuration_is_read_and_written_within_its_bounds(void **state)
{
    struct bed *bed = *state;
    assert_int_equal(bed_mmio_read(bed, bed->device, 1), '0');
    assert_int_equal(bed_mmio_read(bed, bed->device + 8, 4),
                     'b' << 24 | 'a' << 16 | '9' << 8 | '8');
    assert_int_equal(bed_mmio_read(bed, bed->device + 10, 4), 'b' << 8 | 'a');
    assert_int_equal(bed_mmio_read(bed, bed->device + 12, 4), 0);
    bed_mmio_write(bed, bed->device + 4, 'x', 1);
    bed_mmio_write(bed, bed->device + 10, 0, 4);
    bed_mmio_write(bed, bed->device + 12, 0, 4);
    assert_memory_equal(bed->config, "0123x56789ab", 12);
}

static void the_generation_tells_of_a_change(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed_bring_up(bed, &ring, false);
    bed_mmio_read(bed, bed->device, 4);
    uint32_t before = GET(config_generation);
    bed_mmio_read(bed, bed->device, 4);
    assert_int_equal(GET(config_generation), before);
    bed->dev.transport->config_changed(&bed->dev);
    assert_int_equal(fake_irq_taken(0x40), 1);
    bed_mmio_read(bed, bed->device, 4);
    assert_int_not_equal(GET(config_generation), before);
}

static void a_driver_that_is_not_up_gets_no_interrupt(void **state)
{
    struct bed *bed = *state;
    bed_msix_on(bed, 1);
    SET(msix_config, 0);
    bed->dev.transport->config_changed(&bed->dev);
    bed->dev.transport->broken(&bed->dev);
    assert_int_equal(fake_irq_taken(0x40), 0);
    assert_int_equal(GET(device_status), 0);
}

static void without_msix_the_isr_tells(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    bed_bring_up(bed, &ring, false);
    bed_mmio_write(bed, bed_ecam(bed->msix_cap + PCI_MSIX_FLAGS), 0, 2);
    bed_add_one(&ring);
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    assert_int_equal(bed_mmio_read(bed, bed->isr, 1), 1);
    assert_int_equal(bed_mmio_read(bed, bed->isr, 1), 0);
}

static void all_is_reached_through_configuration_space(void **state)
{
    struct bed *bed = *state;
    unsigned cap = bed->cfg_cap, data = cap + offsetof(struct virtio_pci_cfg_cap, pci_cfg_data);
    bed_mmio_write(bed, bed_ecam(PCI_COMMAND), 0, 2); /* the BAR itself answers no more */
    assert_int_equal(GET(num_queues), 0xffff);
    bed_mmio_write(bed, bed_ecam(cap + VIRTIO_PCI_CAP_OFFSET), VIRTIO_PCI_COMMON_NUMQ, 4);
    bed_mmio_write(bed, bed_ecam(cap + VIRTIO_PCI_CAP_LENGTH), 2, 4);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(data), 2), 2);
    bed_mmio_write(bed, bed_ecam(cap + VIRTIO_PCI_CAP_OFFSET), VIRTIO_PCI_COMMON_STATUS, 4);
    bed_mmio_write(bed, bed_ecam(cap + VIRTIO_PCI_CAP_LENGTH), 1, 4);
    bed_mmio_write(bed, bed_ecam(data), VIRTIO_CONFIG_S_ACKNOWLEDGE, 1);
    assert_int_equal(bed_mmio_read(bed, bed_ecam(data), 1), VIRTIO_CONFIG_S_ACKNOWLEDGE);
    /* Pointing nowhere, it does nothing. */
    const uint32_t bad[][3] = { { 0, 0x4000, 1 },     { 0, 1, 2 }, { 0, 0, 3 }, { 0, 0, 0 },
                                { 0, UINT32_MAX, 1 }, { 1, 0, 4 }, { 9, 0, 4 } };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        bed_mmio_write(bed, bed_ecam(cap + VIRTIO_PCI_CAP_BAR), bad[i][0], 1);
        bed_mmio_write(bed, bed_ecam(cap + VIRTIO_PCI_CAP_OFFSET), bad[i][1], 4);
        bed_mmio_write(bed, bed_ecam(cap + VIRTIO_PCI_CAP_LENGTH), bad[i][2], 4);
        bed_mmio_write(bed, bed_ecam(data), 0x55, 4);
        assert_int_equal(bed_mmio_read(bed, bed_ecam(data), 4), 0x55);
    }
}

static void note_done(void *data)
{
    *(bool *)data = true;
}

static void a_reboot_puts_the_device_back(void **state)
{
    struct bed *bed = *state;
    struct ring ring;
    for (int i = 0; i < 3; i++) {
        bed_bring_up(bed, &ring, true);
        bed_add_one(&ring);
        bed_ring_doorbell(bed, 0);
        bed->reset_done = false;
        virtio_pci_reset(bed->vp, note_done, &bed->reset_done);
        assert_false(bed->reset_done);
        bed_run(bed);
        assert_true(bed->reset_done);
        pci_host_reset(bed->host);
        assert_int_equal(bed->n_stopped, i + 1);
        assert_int_equal(fake_irq.n_ioeventfds + fake_irq.n_irqfds, 0);
        bed_probe(bed);
        assert_int_equal(GET(device_status), 0);
    }
    /* One that no driver has touched answers too. */
    bed->reset_done = false;
    virtio_pci_reset(bed->vp, note_done, &bed->reset_done);
    bed_run(bed);
    assert_true(bed->reset_done);
}

#define T(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
#define T_OUTSIDE(name) cmocka_unit_test_setup_teardown(name, bed_set_up_outside, bed_tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(all_structures_are_found),
        T(features_are_offered_in_words),
        T_OUTSIDE(an_outside_device_offers_its_own_ring_features),
        T(features_that_were_not_offered_are_refused),
        T(a_driver_without_version_1_is_refused),
        T(features_are_fixed_after_features_ok),
        T(status_bits_are_cleared_by_reset_only),
        T(queues_say_what_they_can_and_take_what_fits),
        T(a_vector_that_is_not_there_reads_back_as_none),
        T(writes_of_the_wrong_width_do_nothing),
        T(a_chain_travels_by_doorbell_and_interrupt),
        T(a_doorbell_that_rang_before_the_start_is_heard),
        T(a_doorbell_that_the_kernel_did_not_take_still_rings),
        T(doorbells_follow_the_bar),
        T(status_reads_zero_only_when_the_device_has_stopped),
        T(a_doorbell_that_rang_before_a_reset_is_forgotten),
        T(a_reset_overtakes_a_start),
        T(a_start_that_fails_needs_a_reset),
        T(a_ring_outside_ram_needs_a_reset),
        T(a_malformed_chain_needs_a_reset_and_a_reset_heals),
        T_OUTSIDE(an_outside_device_gets_queues_that_are_not_mapped),
        T(configuration_is_read_and_written_within_its_bounds),
        T(the_generation_tells_of_a_change),
        T(a_driver_that_is_not_up_gets_no_interrupt),
        T(without_msix_the_isr_tells),
        T(all_is_reached_through_configuration_space),
        T(a_reboot_puts_the_device_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
