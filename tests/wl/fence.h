/* SPDX-License-Identifier: MIT */
/*
 * Fences that a test signals when it likes, and a DRM device with timelines: either the kernel's
 * (fence_kernel.c: vgem's fences, and the first render node that has timelines), or stand-ins for
 * machines without (fence_fake.c: eventfds; fence_fake_syncobj.c: libdrm's functions once more, which
 * are linked instead of libdrm's).
 */
#ifndef VITRINE_TESTS_WL_FENCE_H
#define VITRINE_TESTS_WL_FENCE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct fence {
    int fd;              /* a sync_file, or what stands in for one */
    uint32_t id, handle; /* the kernel's: vgem's fence, and the buffer that it is attached to */
};

/* False, with the reason printed, where this machine has none. */
bool fences_init(void);
void fences_finish(void);

/* The device that has timelines: what stands for /, its number and its render node. */
const char *fences_root(void);
dev_t fences_device(void);
const char *fences_node(void);

void fence_init(struct fence *fence);
void fence_signal(struct fence *fence);
/* A file descriptor for a frame to take. */
int fence_dup(const struct fence *fence);
void fence_finish(struct fence *fence);

/* Whether buffers of fences_buffer() are dmabufs; else they are memfds. */
bool fences_dmabufs(void);
int fences_buffer(uint64_t size);

/* Of the stand-ins: what the next calls fail at, and the syncobjs that are alive. With the kernel's,
 * nothing fails and none is counted. */
enum fence_failure {
    FENCE_FAIL_NOTHING,
    FENCE_FAIL_CREATE = 1,
    FENCE_FAIL_EVENTFD = 2,
    FENCE_FAIL_POINTS = 4,
    FENCE_FAIL_OLD_KERNEL = 8, /* no eventfds for points */
    FENCE_FAIL_NO_TIMELINES = 16,
};
/* False where nothing can be made to fail. */
bool fences_fail(unsigned failures);
unsigned fences_live(void);

#endif
