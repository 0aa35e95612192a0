/* SPDX-License-Identifier: MIT */
/*
 * /dev/udmabuf: a dmabuf over pages of memfds, so that guest memory can be shown without a copy.
 *
 * The kernel wants whole pages of a memfd sealed against shrinking and not against writing, and by
 * default takes at most 1024 ranges and 64 MiB.
 */
#ifndef VITRINE_GPU_UDMABUF_H
#define VITRINE_GPU_UDMABUF_H

#include <stdint.h>

struct backing;
struct guest_mem;

#define UDMABUF_MAX_RANGES 1024

struct udmabuf_range {
    int fd;                /* a memfd; not owned */
    uint64_t offset, size; /* bytes */
};

/* Opens the device. The fd or a negative errno. */
int udmabuf_open(void);

/* Finds the memfd ranges that a backing is made of, neighbours joined. Returns their number, -EINVAL
 * where one is no whole pages or not in guest memory, or -E2BIG where there are more than max. */
int udmabuf_ranges(const struct backing *backing, const struct guest_mem *mem,
                   struct udmabuf_range *ranges, unsigned max);

/* The dmabuf of n ranges, one behind the other. Its fd (close-on-exec) or a negative errno. */
int udmabuf_create(int device, const struct udmabuf_range *ranges, unsigned n);

#endif
