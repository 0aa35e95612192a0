/* SPDX-License-Identifier: MIT */
/* Windows on the device of tests/wl/fence.h, and frames that have fences. */
#ifndef VITRINE_TESTS_WL_FENCE_BED_H
#define VITRINE_TESTS_WL_FENCE_BED_H

#include <stdbool.h>

#include "tests/wl/fence.h"
#include "tests/wl/fixture.h"

struct fence_bed_options {
    bool no_device; /* the compositor names no device: it draws by software */
    bool timelines; /* it has linux-drm-syncobj */
    bool impatient; /* fixture_open_impatient() */
};

void fence_bed_open(struct fixture *f, unsigned n_windows, const struct fence_bed_options *options);
/* A "dmabuf" whose memory takes fences, where there is such a thing. */
void fence_bed_buffer(struct test_buffer *buffer);
/* One window and two such buffers. */
void fence_bed_open_pair(struct fixture *f, const struct fence_bed_options *options,
                         struct test_buffer *a, struct test_buffer *b);
/* Presents the whole buffer, without damage; the fence is taken over. */
void fence_bed_present(struct fixture *f, unsigned scanout, struct test_buffer *buffer, int fence);
/* The same, and what follows from it. */
void fence_bed_show(struct fixture *f, unsigned scanout, struct test_buffer *buffer, int fence);

#endif
