/* SPDX-License-Identifier: MIT */
/*
 * The guest pages behind a resource. Addresses are checked against guest memory when they are attached
 * and looked up again at each use, so no pointer outlives the memory table that it came from.
 */
#ifndef VITRINE_GPU_BACKING_H
#define VITRINE_GPU_BACKING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guest_mem;
struct virtio_gpu_mem_entry;

struct backing_entry {
    uint64_t start; /* its first byte's offset in the backing */
    uint64_t gpa, len;
};

/* None when zeroed. */
struct backing {
    uint64_t size;
    unsigned n;
    struct backing_entry *entry; /* neighbours that continue each other are one entry */
};

/* 0, -EINVAL where an entry is empty or not in guest memory, or -ENOMEM. */
int backing_init(struct backing *backing, const struct guest_mem *mem,
                 const struct virtio_gpu_mem_entry *entries, unsigned n);
/* Harmless on none. */
void backing_finish(struct backing *backing);

/* Copies len bytes at offset out of the guest's pages. False (dst then holds anything) where they are
 * not all there. */
bool backing_read(const struct backing *backing, const struct guest_mem *mem, uint64_t offset,
                  void *dst, size_t len);

/* Whether rows of row_bytes, `stride` apart, the first at offset, end within size. */
bool backing_rows_fit(uint64_t size, uint64_t offset, uint32_t stride, uint32_t row_bytes,
                      uint32_t rows);

#endif
