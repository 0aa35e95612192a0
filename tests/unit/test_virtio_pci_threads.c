// SPDX-License-Identifier: MIT
/*
 * Several vCPUs that tear at one device while its loop runs: nothing may hang or crash, and after it
 * the device works. ThreadSanitizer and AddressSanitizer have the last word on the rest.
 */
#include <errno.h>
#include <linux/pci_regs.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "tests/fake_irq.h"
#include "tests/test.h"
#include "tests/unit/virtio_pci_bed.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci.h"
#include "vmm/virtio/virtio_pci.h"

#define N_VCPUS 4
#define N_TURNS 10000

struct vcpu {
    struct bed *bed;
    pthread_t thread;
    uint64_t seed;
};

static uint32_t rnd(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(*seed >> 33);
}

/* Anything a guest may do, most of it with sense. */
static void tear(struct vcpu *vcpu)
{
    struct bed *bed = vcpu->bed;
    static const uint8_t status[] = { 0, 0, 1, 3, 11, 11, 15, 15, 15, 128, 255 };
    uint32_t r = rnd(&vcpu->seed);
    uint64_t table = bed_mmio_read(bed, bed_ecam(PCI_BASE_ADDRESS_1), 4) & ~0xfull;
    switch (rnd(&vcpu->seed) % 12) {
    case 0:
    case 1:
        SET(device_status, status[r % ARRAY_LEN(status)]);
        break;
    case 2:
        SET(guest_feature_select, r & 1);
        SET(guest_feature, r & 1 ? ALL_FEATURES >> 32 : (uint32_t)ALL_FEATURES);
        break;
    case 3:
        SET(queue_select, r % 3);
        SET(queue_size, 1u << r % 8);
        SET(queue_desc_lo, 0x10000);
        SET(queue_avail_lo, 0x20000);
        SET(queue_used_lo, 0x30000);
        SET(queue_enable, 1);
        break;
    case 4:
        SET(queue_select, r % 3);
        SET(queue_msix_vector, r % 4);
        SET(msix_config, r % 4);
        break;
    case 5:
        bed_mmio_write(bed, bed_ecam(bed->msix_cap + PCI_MSIX_FLAGS), (r & 3) << 14, 2);
        break;
    case 6:
        bed_mmio_write(bed, table + r % 64 * 4, rnd(&vcpu->seed), 4);
        break;
    case 7:
        bed_mmio_read(bed, table + 0x1000, 8);
        bed_mmio_read(bed, bed->isr, 1);
        break;
    case 8:
        bed_mmio_write(bed, bed->notify + r % 3 * 4, 0, 2);
        break;
    case 9:
        bed_mmio_write(bed, bed_ecam(PCI_COMMAND), r % 8 ? PCI_COMMAND_MEMORY : 0, 2);
        break;
    case 10:
        bed_mmio_write(bed, bed_ecam(bed->cfg_cap + 4 + r % 16), rnd(&vcpu->seed) % 64, 1 + r % 4);
        bed_mmio_read(bed, bed_ecam(bed->cfg_cap + 16), 4);
        break;
    default:
        bed_mmio_read(bed, bed->common + r % 64, 4);
        bed_mmio_read(bed, bed->device + r % 16, 4);
        break;
    }
}

static void *vcpu_main(void *data)
{
    struct vcpu *vcpu = data;
    for (int i = 0; i < N_TURNS; i++)
        tear(vcpu);
    return NULL;
}

static void *loop_main(void *data)
{
    loop_run(data);
    return NULL;
}

static void note_done(void *data)
{
    loop_quit(data);
}

static void vcpus_may_do_anything_at_once(void **state)
{
    struct bed *bed = *state;
    struct vcpu vcpu[N_VCPUS];
    struct ring ring;
    pthread_t loop;

    /* What they tear at runs already: whether they ever start it themselves is chance. */
    bed_bring_up(bed, &ring, true);
    assert_int_equal(bed->n_started, 1);
    assert_int_equal(pthread_create(&loop, NULL, loop_main, bed->loop), 0);
    for (unsigned i = 0; i < N_VCPUS; i++) {
        vcpu[i] = (struct vcpu){ .bed = bed, .seed = i };
        assert_int_equal(pthread_create(&vcpu[i].thread, NULL, vcpu_main, &vcpu[i]), 0);
    }
    for (unsigned i = 0; i < N_VCPUS; i++)
        pthread_join(vcpu[i].thread, NULL);
    virtio_pci_reset(bed->vp, note_done, bed->loop);
    pthread_join(loop, NULL);
    assert_int_equal(bed->n_started, bed->n_stopped);

    /* It still works. */
    pci_host_reset(bed->host);
    bed_probe(bed);
    bed_bring_up(bed, &ring, true);
    bed_add_one(&ring);
    bed_ring_doorbell(bed, 0);
    bed_run(bed);
    assert_int_equal(fake_irq_taken(0x41), 1);
    assert_true(ring_take(&ring, NULL) >= 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(vcpus_may_do_anything_at_once, bed_set_up, bed_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
