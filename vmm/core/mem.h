/* SPDX-License-Identifier: MIT */
/*
 * Guest memory: a few regions of guest-physical addresses, each backed by a mapped file descriptor.
 *
 * The machine creates one sealed memfd and carves its regions out of it; a vhost-user back-end maps
 * the same memory from the fds that its front-end sends. Either way a device model sees a
 * struct guest_mem, and guest_mem_ptr() is the only place that turns an address into a pointer.
 *
 * A guest_mem does not change while a device that uses it is started, so reading it takes no lock.
 */
#ifndef VITRINE_CORE_MEM_H
#define VITRINE_CORE_MEM_H

#include <stdbool.h>
#include <stdint.h>

/* vhost-user's own limit for a memory table. */
#define GUEST_MEM_MAX_REGIONS 8

struct guest_region {
    uint64_t gpa, size; /* bytes; page-aligned, size > 0, regions do not overlap */
    uint8_t *hva;       /* the mapping of size bytes */
    int fd;             /* owned by the guest_mem */
    uint64_t fd_offset; /* where in fd the region starts, bytes */
    uint64_t
        user_addr; /* the front-end's address of the region: vhost-user's vring addresses use it */
};

struct guest_mem {
    unsigned n_regions;
    struct guest_region region[GUEST_MEM_MAX_REGIONS];
};

/* The machine's own RAM: one sealed memfd of `bytes` (a multiple of 4 KiB, at least 1 MiB), the
 * first 3 GiB of it at address 0, what is more from 4 GiB upwards. 0 or a negative errno. */
int guest_mem_create(struct guest_mem *mem, uint64_t bytes);
/* The same of huge pages of 2 MiB, which bytes is a multiple of; -ENOMEM where the host has set too few
 * aside. */
int guest_mem_create_huge(struct guest_mem *mem, uint64_t bytes);

/* Adds a region: maps size bytes of fd at fd_offset, readable and writable. Takes fd, also where it
 * fails. 0, or a negative errno (-EINVAL for overlap, misalignment or an overflow, -ENOSPC). */
int guest_mem_add(struct guest_mem *mem, uint64_t gpa, uint64_t size, int fd, uint64_t fd_offset,
                  uint64_t user_addr);
/* Unmaps all regions and closes their fds; mem is empty afterwards. */
void guest_mem_finish(struct guest_mem *mem);

/* The memory of the len bytes at gpa: the whole range, or NULL where any byte of it is not RAM. The
 * guest may change it at any time: read once into a copy, then validate. Any thread. */
void *guest_mem_ptr(const struct guest_mem *mem, uint64_t gpa, uint64_t len);

/* Where the range lies in which fd (which stays guest_mem's); false where it is not whole in RAM. */
bool guest_mem_locate(const struct guest_mem *mem, uint64_t gpa, uint64_t len, int *fd,
                      uint64_t *fd_offset);

#endif
