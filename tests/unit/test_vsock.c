// SPDX-License-Identifier: MIT
/* vsock before a stand-in for /dev/vhost-vsock: this program's own open64() and ioctl(). */
#include <linux/fcntl.h>
#include <linux/vhost.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ring.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/unit/dev_bed.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"
#include "vmm/virtio/vsock.h"

#define DEVICE "/dev/vhost-vsock"
#define CID 77
#define TX 1

int open64(const char *path, int flags, ...);
int ioctl(int fd, unsigned long request, ...);

/* What the kernel was told. */
static struct {
    uint64_t features, cid;
    int kick[2];
    int running;
} vhost;

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    int mode = va_arg(args, int); /* whatever is there, if there is none */
    va_end(args);
    if (strcmp(path, DEVICE) == 0)
        return eventfd(0, EFD_CLOEXEC);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

/* The kernel looks for a ring's chains when it is kicked, if it runs. */
static void set_running(int running)
{
    vhost.running = running;
    for (unsigned i = 0; i < ARRAY_LEN(vhost.kick) && running; i++)
        fd_event_take(vhost.kick[i]);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;
    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    const struct vhost_vring_file *file = arg;
    switch (request) {
    case VHOST_GET_FEATURES:
        *(uint64_t *)arg = 1ull << VIRTIO_F_VERSION_1 | 1ull << VIRTIO_RING_F_EVENT_IDX;
        return 0;
    case VHOST_SET_FEATURES:
        vhost.features = *(uint64_t *)arg;
        return 0;
    case VHOST_VSOCK_SET_GUEST_CID:
        vhost.cid = *(uint64_t *)arg;
        return 0;
    case VHOST_SET_VRING_KICK:
        assert_in_range(file->index, 0, ARRAY_LEN(vhost.kick) - 1);
        vhost.kick[file->index] = file->fd;
        return 0;
    case VHOST_VSOCK_SET_RUNNING:
        set_running(*(int *)arg);
        return 0;
    default:
        return 0;
    }
}

static void start(struct dev_bed *bed, struct virtio_dev *dev)
{
    uint64_t gpa = 0x10000;
    bed->dev = dev;
    dev->mem = &bed->mem;
    dev->features = dev->offered;
    for (unsigned i = 0; i < dev->n_queues; i++) {
        dev->queue[i] = (struct virtq){ .dev = dev,
                                        .index = i,
                                        .kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                                        .call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK) };
        ring_init(&bed->ring, &bed->mem, gpa, 64, true, &gpa);
        ring_give(&bed->ring, &dev->queue[i]);
    }
    fd_event_signal(dev->queue[TX].kick_fd); /* a driver that sends at once, behind DRIVER_OK */
    assert_int_equal(virtio_dev_start(dev), 0);
}

static void what_is_sent_before_the_kernel_runs_is_not_forgotten(void **state)
{
    struct dev_bed bed;
    dev_bed_init(&bed);
    struct virtio_dev *dev = virtio_vsock_create(bed.loop, CID);
    assert_non_null(dev);
    assert_int_equal(vhost.cid, CID);
    start(&bed, dev);
    assert_int_equal(vhost.features, dev->offered);
    assert_int_equal(vhost.running, 1);
    assert_int_equal(vhost.kick[TX], dev->queue[TX].kick_fd);
    assert_true(fd_event_take(vhost.kick[TX]));
    dev_bed_stop(&bed);
    assert_int_equal(vhost.running, 0);
    virtio_vsock_destroy(dev);
    dev_bed_finish(&bed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent_before_the_kernel_runs_is_not_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
