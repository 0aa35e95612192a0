// SPDX-License-Identifier: MIT
#include "tests/wl/fence_bed.h"

#include <drm_fourcc.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/util.h"

#define W FIXTURE_WIDTH
#define H FIXTURE_HEIGHT

void fence_bed_open(struct fixture *f, unsigned n_windows, const struct fence_bed_options *options)
{
    struct compositor_config config = compositor_everything;
    config.device = options->no_device ? 0 : fences_device();
    config.node = fences_node();
    config.syncobj = options->timelines;
    *f = (struct fixture){ .loop = loop_create(),
                           .root = fences_root(),
                           .impatient = options->impatient };
    f->compositor = compositor_create(f->loop, &config);
    fixture_finish_opening(f, n_windows);
    assert_non_null(f->wayl);
}

void fence_bed_buffer(struct test_buffer *buffer)
{
    test_buffer_init(buffer, FRAME_BUFFER_DMABUF, W, H, DRM_FORMAT_XRGB8888);
    close(buffer->base.plane[0].fd);
    buffer->base.plane[0].fd = fences_buffer(ALIGN_UP(W * H * 4, 4096u));
    assert_true(buffer->base.plane[0].fd >= 0);
}

void fence_bed_open_pair(struct fixture *f, const struct fence_bed_options *options,
                         struct test_buffer *a, struct test_buffer *b)
{
    fence_bed_open(f, 1, options);
    fence_bed_buffer(a);
    fence_bed_buffer(b);
}

void fence_bed_present(struct fixture *f, unsigned scanout, struct test_buffer *buffer, int fence)
{
    struct frame frame = {
        .buffer = &buffer->base, .source = { 0, 0, W, H }, .seq = ++f->seq, .acquire_fence = fence
    };
    struct display *display = wayl_display(f->wayl);
    display->ops->present(display, scanout, &frame);
}

void fence_bed_show(struct fixture *f, unsigned scanout, struct test_buffer *buffer, int fence)
{
    fence_bed_present(f, scanout, buffer, fence);
    fixture_settle(f);
}
