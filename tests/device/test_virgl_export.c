// SPDX-License-Identifier: MIT
/*
 * A picture is put on a screen the moment that it is asked for, while the renderer's threads still draw
 * it: what the display is shown then is all of it. Where EGL exports textures, they must be dmabufs; with
 * the argument `export` in any case.
 */
#include <drm_fourcc.h>
#include <linux/dma-buf.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "gpu/buffer.h"
#include "tests/device/virgl_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define SIDE 1024u
#define BLITS 10

static const struct display_format formats[] = {
    { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
    { DRM_FORMAT_XBGR8888, DRM_FORMAT_MOD_LINEAR },
};
static bool must_export;

/* Spreads one texture over another, several times: work for some time. */
static size_t blit_words(uint32_t *words, uint32_t to, uint32_t from, uint32_t from_side)
{
    for (unsigned i = 0; i < BLITS; i++)
        guest_blit_words(words + i * BLIT_WORDS, to, SIDE, from, from_side);
    return BLITS * BLIT_WORDS;
}

static void assert_frame_is_red(const struct frame_buffer *b)
{
    const uint32_t red = b->fourcc == DRM_FORMAT_XRGB8888 ? 0xff0000 : 0x0000ff;
    unsigned wrong = 0;
    const struct frame_plane *plane = &b->plane[0];
    size_t len = plane->offset + (size_t)plane->stride * SIDE;
    bool dmabuf = b->kind == FRAME_BUFFER_DMABUF;
    struct dma_buf_sync sync = { .flags = DMA_BUF_SYNC_START | DMA_BUF_SYNC_READ };

    char *map = mmap(NULL, len, PROT_READ, MAP_SHARED, plane->fd, 0);
    assert_ptr_not_equal(map, MAP_FAILED);
    if (dmabuf)
        assert_int_equal(ioctl(plane->fd, DMA_BUF_IOCTL_SYNC, &sync), 0);
    for (uint32_t y = 0; y < SIDE; y++) {
        const uint32_t *row = (uint32_t *)(map + plane->offset + (size_t)y * plane->stride);
        for (uint32_t x = 0; x < SIDE; x++)
            wrong += (row[x] & 0xffffff) != red;
    }
    assert_int_equal(wrong, 0);
    munmap(map, len);
}

static void a_picture_is_shown_whole_that_is_still_being_drawn(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_rect r = { .width = SIDE, .height = SIDE };
    uint32_t words[BLITS * BLIT_WORDS], clear[CLEAR_WORDS];

    must_export |= virgl_bed_exports();
    bed_formats(bed, formats, ARRAY_LEN(formats));
    for (unsigned round = 0; round < 3; round++) {
        guest_scene(bed, 1, 1, 64, 64);
        guest_clear_words(clear, 1, 1, 1, 0, 0);
        assert_int_equal(guest_submit(bed, 1, clear, CLEAR_WORDS), OK);
        assert_int_equal(guest_screen(bed, 2, SIDE, SIDE), OK);
        assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 2), OK);
        assert_int_equal(bed_set_scanout(bed, 0, 2, r), OK);
        assert_int_equal(guest_submit(bed, 1, words, blit_words(words, 2, 1, 64)), OK);
        /* Another GL context is the current one when it comes to showing the picture. */
        assert_int_equal(guest_texture(bed, 3, 1, 1), OK);
        assert_int_equal(bed_flush(bed, 2, r), OK);
        while (bed->n_frames == 0)
            loop_run_once(bed->loop, -1);
        if (must_export)
            assert_int_equal(bed_last(bed)->buffer->path, FRAME_PATH_TEXTURE);
        assert_frame_is_red(bed_last(bed)->buffer);
        bed_done(bed, 0, bed_last(bed)->seq);
        assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0), OK);
        for (uint32_t id = 1; id <= 3; id++)
            assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, id), OK);
        bed_forget_frames(bed);
    }
}

int main(int argc, char **argv)
{
    mallopt(M_MMAP_THRESHOLD, 64 << 10); /* large memory that is freed is gone at once */
    must_export = argc > 1 && strcmp(argv[1], "export") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_picture_is_shown_whole_that_is_still_being_drawn,
                                        virgl_bed_start, virgl_bed_stop),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, virgl_bed_create, virgl_bed_destroy);
}
