// SPDX-License-Identifier: MIT
/* gpu/udmabuf.c against the kernel's /dev/udmabuf. Without cmocka, so that it runs in the emulated
 * desktop, where the device is. */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/udmabuf.h"
#include "tests/device/check.h"
#include "vmm/base/fd.h"

#define PAGE 4096u
#define PAGES 16u
#define WORDS (PAGE / 4)

static uint32_t *map(int fd, size_t len)
{
    uint32_t *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(p != MAP_FAILED);
    return p;
}

static void a_dmabuf_shows_the_memfds_pages_in_the_order_given(int device)
{
    int memfd = fd_memfd_sealed("test", PAGES * PAGE);
    CHECK(memfd >= 0);
    uint32_t *ram = map(memfd, PAGES * PAGE);
    for (unsigned i = 0; i < PAGES * WORDS; i++)
        ram[i] = i;

    struct udmabuf_range ranges[2] = {
        { .fd = memfd, .offset = 8 * PAGE, .size = 2 * PAGE },
        { .fd = memfd, .offset = 3 * PAGE, .size = PAGE },
    };
    int dmabuf = udmabuf_create(device, ranges, 2);
    CHECK(dmabuf >= 0);
    CHECK(lseek(dmabuf, 0, SEEK_END) == 3 * PAGE);
    uint32_t *shown = map(dmabuf, 3 * PAGE);
    for (unsigned i = 0; i < 2 * WORDS; i++)
        CHECK(shown[i] == 8 * WORDS + i);
    for (unsigned i = 0; i < WORDS; i++)
        CHECK(shown[2 * WORDS + i] == 3 * WORDS + i);

    ram[8 * WORDS + 7] = 0xabcdef; /* the guest draws on */
    CHECK(shown[7] == 0xabcdef);
    munmap(shown, 3 * PAGE);
    munmap(ram, PAGES * PAGE);
    close(dmabuf);
    close(memfd);
}

static void what_the_kernel_refuses_is_an_error(int device)
{
    int memfd = fd_memfd_sealed("test", PAGES * PAGE);
    int unsealed = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CHECK(ftruncate(unsealed, PAGE) == 0);
    struct udmabuf_range beyond = { .fd = memfd, .offset = 15 * PAGE, .size = 2 * PAGE };
    struct udmabuf_range odd = { .fd = memfd, .offset = 8, .size = PAGE };
    struct udmabuf_range loose = { .fd = unsealed, .size = PAGE };

    CHECK(udmabuf_create(device, &beyond, 1) < 0);
    CHECK(udmabuf_create(device, &odd, 1) < 0);
    CHECK(udmabuf_create(device, &loose, 1) < 0);
    CHECK(udmabuf_create(device, &beyond, 0) == -EINVAL);
    close(memfd);
    close(unsealed);
}

static void as_many_ranges_as_we_think_are_taken(int device)
{
    static struct udmabuf_range ranges[UDMABUF_MAX_RANGES];
    int memfd = fd_memfd_sealed("test", 2ull * UDMABUF_MAX_RANGES * PAGE);
    CHECK(memfd >= 0);
    for (unsigned i = 0; i < UDMABUF_MAX_RANGES; i++)
        ranges[i] = (struct udmabuf_range){ .fd = memfd, .offset = 2ull * i * PAGE, .size = PAGE };
    int dmabuf = udmabuf_create(device, ranges, UDMABUF_MAX_RANGES);
    CHECK(dmabuf >= 0);
    CHECK(lseek(dmabuf, 0, SEEK_END) == UDMABUF_MAX_RANGES * PAGE);
    close(dmabuf);
    close(memfd);
}

int main(void)
{
    int device = udmabuf_open();
    if (device < 0) {
        printf("/dev/udmabuf: %s\n", strerror(-device));
        return 77;
    }
    a_dmabuf_shows_the_memfds_pages_in_the_order_given(device);
    what_the_kernel_refuses_is_an_error(device);
    as_many_ranges_as_we_think_are_taken(device);
    close(device);
    printf("all well\n");
    return 0;
}
