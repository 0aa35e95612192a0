// SPDX-License-Identifier: MIT
/* virtio-pci, its doorbells and its interrupts, with a guest's driver on a real /dev/kvm. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/machine/machine.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/block/aio.h"
#include "vmm/block/block.h"
#include "vmm/core/irq.h"
#include "vmm/core/pci.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/device.h"
#include "vmm/virtio/rng.h"
#include "vmm/virtio/virtio_pci.h"

#define RAM (16 * MIB)
#define SECONDS 60 /* a software KVM is slow */
#define DISK_SIZE 32768
#define RNG_REQUESTS 1000 /* as the guest makes them */

static const char *guest_path;

struct bed {
    struct machine m;
    struct pci_host *host;
    struct loop_thread rng_thread, disk_thread;
    struct aio *aio;
    struct virtio_dev *rng, *disk;
    struct virtio_pci *rng_pci, *disk_pci;
    char path[64];
    int fd;
};

static int set_up(void **state)
{
    struct bed *bed = calloc(1, sizeof(*bed));
    *state = bed;
    if (!machine_init(&bed->m, RAM))
        return -1;
    strcpy(bed->path, "/tmp/vitrine-disk-XXXXXX");
    bed->fd = mkstemp(bed->path);
    uint8_t sector[512];
    for (unsigned i = 0; i < DISK_SIZE / 512; i++) {
        memset(sector, (int)i, sizeof(sector));
        assert_int_equal(fd_pwrite_full(bed->fd, sector, sizeof(sector), i * 512ull), 0);
    }
    bed->host = pci_host_create(&bed->m.mmio);
    assert_int_equal(loop_thread_start(&bed->rng_thread, "rng"), 0);
    assert_int_equal(loop_thread_create(&bed->disk_thread), 0);
    bed->rng = virtio_rng_create(bed->rng_thread.loop);
    bed->aio = aio_create(bed->disk_thread.loop, AIO_ANY);
    assert_non_null(bed->aio);
    struct block_dev *block = block_open(bed->aio, &(struct block_options){ .path = bed->path });
    assert_non_null(block);
    bed->disk = virtio_blk_create(bed->disk_thread.loop, block, "disk", 1);
    assert_int_equal(loop_thread_run(&bed->disk_thread, "disk"), 0);
    bed->rng_pci = virtio_pci_create(bed->host, &bed->m.kvm, bed->m.router, &bed->m.mem, bed->rng);
    bed->disk_pci =
        virtio_pci_create(bed->host, &bed->m.kvm, bed->m.router, &bed->m.mem, bed->disk);
    assert_non_null(bed->rng_pci);
    assert_non_null(bed->disk_pci);
    return 0;
}

static int tear_down(void **state)
{
    struct bed *bed = *state;
    vcpus_destroy(bed->m.vcpus);
    bed->m.vcpus = NULL;
    loop_thread_stop(&bed->rng_thread);
    loop_thread_stop(&bed->disk_thread);
    pci_host_destroy(bed->host);
    virtio_pci_destroy(bed->rng_pci);
    virtio_pci_destroy(bed->disk_pci);
    virtio_rng_destroy(bed->rng);
    virtio_blk_destroy(bed->disk);
    aio_destroy(bed->aio);
    loop_thread_finish(&bed->rng_thread);
    loop_thread_finish(&bed->disk_thread);
    machine_finish(&bed->m);
    close(bed->fd);
    unlink(bed->path);
    free(bed);
    return 0;
}

static void run(struct bed *bed)
{
    struct machine *m = &bed->m;
    struct x86_entry entry;
    int fd = open(guest_path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct x86_boot boot = { fd, "guest_virtio", -1, NULL, "", 1 };
    assert_true(x86_load(&m->mem, &boot, &entry));
    close(fd);
    if (!m->vcpus)
        assert_true(machine_start(m, 1));
    m->text_len = 0;
    assert_int_equal(machine_run(m, &entry, SECONDS), MACHINE_POWERED_OFF);
    assert_string_equal(m->text, "rng ok\nblk ok\n");
}

static void check_disk(struct bed *bed)
{
    const unsigned n = DISK_SIZE / 512;
    uint8_t sector[512], expected[512];
    for (unsigned i = 0; i < n; i++) {
        memset(expected, (int)(i < n / 2 ? i : (n - 1 - i) ^ 0x55), sizeof(expected));
        assert_int_equal(fd_pread_full(bed->fd, sector, sizeof(sector), i * 512ull), 0);
        assert_memory_equal(sector, expected, sizeof(sector));
    }
}

static void a_guest_drives_rng_and_disk_by_doorbell_and_msix(void **state)
{
    struct bed *bed = *state;
    run(bed);
    check_disk(bed);
    struct vcpu_stats stats;
    vcpus_stats(bed->m.vcpus, 0, &stats);
    /* Neither doorbells nor interrupts come through us. */
    assert_in_range(stats.mmio, 50, RNG_REQUESTS / 2);
}

static void note_done(void *data)
{
    fd_event_signal(*(int *)data);
}

static void a_reboot_starts_from_the_beginning(void **state)
{
    struct bed *bed = *state;
    for (int i = 0; i < 3; i++) {
        run(bed);
        /* As the machine does it: stop the devices, then put bus and vCPUs back. */
        struct virtio_pci *devices[] = { bed->rng_pci, bed->disk_pci };
        for (unsigned d = 0; d < ARRAY_LEN(devices); d++) {
            int done = eventfd(0, EFD_CLOEXEC);
            virtio_pci_reset(devices[d], note_done, &done);
            uint64_t one;
            assert_int_equal(read(done, &one, sizeof(one)), sizeof(one));
            close(done);
        }
        pci_host_reset(bed->host);
        assert_true(machine_reset(&bed->m));
    }
}

int main(int argc, char **argv)
{
    if (access("/dev/kvm", R_OK | W_OK) < 0) {
        print_message("no /dev/kvm: %s\n", strerror(errno));
        return 77;
    }
    guest_path = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_guest_drives_rng_and_disk_by_doorbell_and_msix, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_reboot_starts_from_the_beginning, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
