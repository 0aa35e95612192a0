// SPDX-License-Identifier: MIT
/* gpu/udmabuf.c against the kernel's /dev/udmabuf. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/udmabuf.h"
#include "tests/test.h"
#include "vmm/base/fd.h"

#define PAGE 4096u
#define PAGES 16u

static int device;

static uint32_t *map(int fd, size_t len)
{
    uint32_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(p, MAP_FAILED);
    return p;
}

static void a_dmabuf_shows_the_memfds_pages_in_the_order_given(void **state)
{
    int memfd = fd_memfd_sealed("test", PAGES * PAGE);
    assert_true(memfd >= 0);
    uint32_t *ram = map(memfd, PAGES * PAGE);
    for (unsigned i = 0; i < PAGES * PAGE / 4; i++)
        ram[i] = i;

    struct udmabuf_range ranges[2] = {
        { .fd = memfd, .offset = 8 * PAGE, .size = 2 * PAGE },
        { .fd = memfd, .offset = 3 * PAGE, .size = PAGE },
    };
    int dmabuf = udmabuf_create(device, ranges, 2);
    assert_true(dmabuf >= 0);
    assert_int_equal(lseek(dmabuf, 0, SEEK_END), 3 * PAGE);
    uint32_t *shown = map(dmabuf, 3 * PAGE);
    assert_int_equal(shown[0], 8 * PAGE / 4);
    assert_int_equal(shown[2 * PAGE / 4 - 1], 10 * PAGE / 4 - 1);
    assert_int_equal(shown[2 * PAGE / 4], 3 * PAGE / 4);

    ram[8 * PAGE / 4 + 7] = 0xabcdef; /* the guest draws on */
    assert_int_equal(shown[7], 0xabcdef);
    munmap(shown, 3 * PAGE);
    munmap(ram, PAGES * PAGE);
    close(dmabuf);
    close(memfd);
}

static void what_the_kernel_refuses_is_an_error(void **state)
{
    int memfd = fd_memfd_sealed("test", PAGES * PAGE);
    int unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    assert_int_equal(ftruncate(unsealed, PAGE), 0);
    struct udmabuf_range beyond = { .fd = memfd, .offset = 15 * PAGE, .size = 2 * PAGE };
    struct udmabuf_range odd = { .fd = memfd, .offset = 8, .size = PAGE };
    struct udmabuf_range loose = { .fd = unsealed, .size = PAGE };

    assert_true(udmabuf_create(device, &beyond, 1) < 0);
    assert_true(udmabuf_create(device, &odd, 1) < 0);
    assert_true(udmabuf_create(device, &loose, 1) < 0);
    assert_int_equal(udmabuf_create(device, &beyond, 0), -EINVAL);
    close(memfd);
    close(unsealed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_dmabuf_shows_the_memfds_pages_in_the_order_given),
        cmocka_unit_test(what_the_kernel_refuses_is_an_error),
    };
    device = udmabuf_open();
    if (device < 0) {
        printf("skipped: /dev/udmabuf: %s\n", strerror(-device));
        return 77;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    close(device);
    return failed;
}
