// SPDX-License-Identifier: MIT
#include "vmm/core/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/mman.h>

#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/layout.h"

#define PAGE 4096u
#define HUGE_PAGE (2 * MIB)

static bool overlaps(const struct guest_mem *mem, uint64_t gpa, uint64_t size)
{
    for (unsigned i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->region[i];
        if (gpa < r->gpa + r->size && r->gpa < gpa + size)
            return true;
    }
    return false;
}

int guest_mem_add(struct guest_mem *mem, uint64_t gpa, uint64_t size, int fd, uint64_t fd_offset,
                  uint64_t user_addr)
{
    autoclose int owned = fd;
    uint64_t end;

    if (mem->n_regions == GUEST_MEM_MAX_REGIONS)
        return -ENOSPC;
    if (size == 0 || (gpa | size | fd_offset) % PAGE != 0 || size > PTRDIFF_MAX ||
        __builtin_add_overflow(gpa, size, &end) || __builtin_add_overflow(fd_offset, size, &end) ||
        end > INT64_MAX || __builtin_add_overflow(user_addr, size, &end) ||
        overlaps(mem, gpa, size))
        return -EINVAL;

    void *hva = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, (off_t)fd_offset);
    if (hva == MAP_FAILED)
        return -errno;
    /* A crash of ours must not write the guest's RAM to disk; large pages where the host has them. */
    (void)madvise(hva, size, MADV_DONTDUMP);
    (void)madvise(hva, size, MADV_HUGEPAGE);
    mem->region[mem->n_regions++] = (struct guest_region){
        .gpa = gpa,
        .size = size,
        .hva = hva,
        .fd = steal_fd(&owned),
        .fd_offset = fd_offset,
        .user_addr = user_addr,
    };
    return 0;
}

static int add_own(struct guest_mem *mem, uint64_t gpa, uint64_t size, int fd, uint64_t fd_offset)
{
    int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own < 0)
        return -errno;
    int err = guest_mem_add(mem, gpa, size, own, fd_offset, 0);
    if (err == 0) {
        struct guest_region *r = &mem->region[mem->n_regions - 1];
        r->user_addr = (uint64_t)(uintptr_t)r->hva;
    }
    return err;
}

static int create(struct guest_mem *mem, uint64_t bytes, bool huge)
{
    *mem = (struct guest_mem){ 0 };
    if (bytes < MIB || bytes % (huge ? HUGE_PAGE : PAGE) != 0)
        return -EINVAL;
    autoclose int fd =
        huge ? fd_memfd_sealed_huge("vitrine-ram", bytes) : fd_memfd_sealed("vitrine-ram", bytes);
    if (fd < 0)
        return fd;
    uint64_t low = MIN(bytes, LAYOUT_LOW_RAM_END);
    int err = add_own(mem, 0, low, fd, 0);
    if (err == 0 && bytes > low)
        err = add_own(mem, LAYOUT_HIGH_RAM_START, bytes - low, fd, low);
    if (err < 0)
        guest_mem_finish(mem);
    return err;
}

int guest_mem_create(struct guest_mem *mem, uint64_t bytes)
{
    return create(mem, bytes, false);
}

int guest_mem_create_huge(struct guest_mem *mem, uint64_t bytes)
{
    return create(mem, bytes, true);
}

void guest_mem_finish(struct guest_mem *mem)
{
    for (unsigned i = 0; i < mem->n_regions; i++) {
        munmap(mem->region[i].hva, mem->region[i].size);
        close(mem->region[i].fd);
    }
    *mem = (struct guest_mem){ 0 };
}

static const struct guest_region *find(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
    for (unsigned i = 0; i < mem->n_regions; i++) {
        const struct guest_region *r = &mem->region[i];
        uint64_t offset = gpa - r->gpa;
        if (gpa >= r->gpa && offset < r->size)
            return len <= r->size - offset ? r : NULL;
    }
    return NULL;
}

void *guest_mem_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len)
{
    const struct guest_region *r = find(mem, gpa, len);
    return r ? r->hva + (gpa - r->gpa) : NULL;
}

bool guest_mem_locate(const struct guest_mem *mem, uint64_t gpa, uint64_t len, int *fd,
                      uint64_t *fd_offset)
{
    const struct guest_region *r = find(mem, gpa, len);
    if (!r)
        return false;
    *fd = r->fd;
    *fd_offset = r->fd_offset + (gpa - r->gpa);
    return true;
}
