// SPDX-License-Identifier: MIT
/* What becomes of a texture on a scanout: shown as it is, blitted or read back, and when. */
#include <drm_fourcc.h>
#include <stdlib.h>

#include "tests/device/fake_renderer.h"
#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 64u
#define H 32u

struct test {
    struct bed *bed;
    struct fake_renderer fake;
};

static const struct display_format linear = { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR };
static const struct display_format tiled = { DRM_FORMAT_XRGB8888, FAKE_MODIFIER };

static struct virtio_gpu_rect rect(uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return (struct virtio_gpu_rect){ .x = x, .y = y, .width = w, .height = h };
}

static const struct virtio_gpu_rect all = { .width = W, .height = H };

static int set_up(void **state)
{
    struct test *t = calloc(1, sizeof(*t));

    fake_renderer_init(&t->fake);
    t->bed = bed_create(&(struct virtio_gpu_options){ .n_scanouts = 2, .maker = &t->fake.maker });
    bed_start(t->bed);
    bed_formats(t->bed, &linear, 1);
    *state = t;
    return 0;
}

static int tear_down(void **state)
{
    struct test *t = *state;

    bed_stop(t->bed);
    bed_destroy(t->bed);
    free(t);
    return 0;
}

/* A texture of W × H, shown on scanout 0. */
static void show(struct test *t, uint32_t id)
{
    bed_create_2d(t->bed, id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, W, H);
    assert_int_equal(bed_set_scanout(t->bed, 0, id, all), OK);
}

static void flush(struct test *t, uint32_t id, struct virtio_gpu_rect r)
{
    assert_int_equal(bed_flush(t->bed, id, r), OK);
    assert_int_equal(t->fake.entered, 0);
}

static const struct frame *last(struct test *t, unsigned n_frames, enum frame_path path)
{
    assert_int_equal(t->bed->n_frames, n_frames);
    const struct frame *f = bed_last(t->bed);
    assert_int_equal(f->buffer->path, path);
    assert_int_equal(f->buffer->kind,
                     path == FRAME_PATH_SHM ? FRAME_BUFFER_SHM : FRAME_BUFFER_DMABUF);
    return f;
}

static void answer(struct test *t)
{
    bed_done(t->bed, 0, bed_last(t->bed)->seq);
}

static void a_hundred_flips_export_two_textures(void **state)
{
    struct test *t = *state;

    t->fake.sync_files = true;
    for (unsigned i = 0; i < 100; i++) {
        show(t, 1 + i % 2);
        flush(t, 1 + i % 2, all);
        const struct frame *f = last(t, i + 1, FRAME_PATH_TEXTURE);
        assert_true(f->acquire_fence >= 0);
        assert_int_equal(f->copied, 0);
        assert_int_equal(f->buffer->modifier, DRM_FORMAT_MOD_LINEAR);
        answer(t);
    }
    assert_int_equal(t->fake.exports, 2);
    assert_int_equal(t->fake.made, 0);
}

static void without_sync_files_a_frame_waits_for_the_renderer(void **state)
{
    struct test *t = *state;

    show(t, 1);
    flush(t, 1, all);
    flush(t, 1, rect(1, 2, 3, 4));
    assert_int_equal(t->bed->n_frames, 0);
    fake_signal(&t->fake);
    assert_int_equal(last(t, 1, FRAME_PATH_TEXTURE)->acquire_fence, -1);
    answer(t);
    assert_int_equal(t->bed->n_frames, 1); /* the second flush waits in turn */
    fake_signal(&t->fake);
    const struct frame *f = last(t, 2, FRAME_PATH_TEXTURE);
    assert_int_equal(f->n_damage, 1);
    assert_int_equal(f->damage[0].height, 4);
}

static void a_texture_that_is_upside_down_says_so(void **state)
{
    struct test *t = *state;

    t->fake.sync_files = t->fake.inverted = true;
    show(t, 1);
    assert_int_equal(bed_set_scanout(t->bed, 0, 1, rect(4, 2, 32, 10)), OK);
    flush(t, 1, all);
    const struct frame *f = last(t, 1, FRAME_PATH_TEXTURE);
    assert_true(f->y_inverted);
    assert_int_equal(f->source.x, 4);
    assert_int_equal(f->source.y, H - 2 - 10);
    answer(t);

    bed_formats(t->bed, &tiled, 1); /* a blit turns it round */
    f = last(t, 2, FRAME_PATH_BLIT);
    assert_false(f->y_inverted);
    assert_int_equal(f->source.y, 0);
    assert_int_equal(t->fake.source.y, 2);
}

static void formats_decide_between_export_and_blit(void **state)
{
    struct test *t = *state;
    struct display_format many[300];

    t->fake.sync_files = true;
    t->fake.modifier = FAKE_MODIFIER;
    show(t, 1);
    flush(t, 1, all);
    const struct frame *f = last(t, 1, FRAME_PATH_BLIT);
    assert_int_equal(f->buffer->modifier, DRM_FORMAT_MOD_LINEAR);
    answer(t);
    flush(t, 1, rect(5, 6, 7, 8));
    last(t, 2, FRAME_PATH_BLIT);
    assert_int_equal(t->fake.targets, 2); /* the first is still shown */
    answer(t);
    bed_release(t->bed, 0);
    flush(t, 1, rect(1, 1, 1, 1));
    assert_int_equal(t->fake.targets, 2);
    assert_int_equal(t->fake.damage.n, 2); /* what the first has missed, no more */
    answer(t);

    bed_formats(t->bed, &tiled, 1);
    f = last(t, 4, FRAME_PATH_TEXTURE);
    assert_int_equal(f->buffer->modifier, FAKE_MODIFIER);
    answer(t);
    for (unsigned i = 0; i < ARRAY_LEN(many); i++) /* more than anybody has */
        many[i] = (struct display_format){ DRM_FORMAT_XRGB8888, i * 2 };
    bed_formats(t->bed, many, ARRAY_LEN(many));
    last(t, 5, FRAME_PATH_BLIT);
    assert_int_equal(t->fake.exports, 1);
}

static void each_import_that_fails_leads_one_step_down(void **state)
{
    struct test *t = *state;

    t->fake.sync_files = true;
    show(t, 1);
    flush(t, 1, all);
    last(t, 1, FRAME_PATH_TEXTURE);
    t->bed->producer->events->import_failed(t->bed->producer, bed_last(t->bed)->buffer);
    last(t, 2, FRAME_PATH_BLIT);
    t->bed->producer->events->import_failed(t->bed->producer, bed_last(t->bed)->buffer);
    assert_int_equal(t->bed->n_frames, 2);
    fake_signal(&t->fake);
    fake_signal(&t->fake);
    last(t, 3, FRAME_PATH_SHM);
    answer(t);
    flush(t, 1, all);
    fake_signal(&t->fake);
    fake_signal(&t->fake);
    last(t, 4, FRAME_PATH_SHM);
    assert_int_equal(t->fake.exports, 1);
    assert_int_equal(t->fake.blits, 1);
}

static void a_texture_is_read_back_in_two_steps_as_far_as_it_changed(void **state)
{
    struct test *t = *state;

    t->fake.sync_files = true; /* of no use here */
    bed_formats(t->bed, NULL, 0);
    show(t, 1);
    flush(t, 1, all);
    assert_int_equal(t->fake.fetches, 0);
    fake_signal(&t->fake);
    assert_int_equal(t->fake.fetches, 1);
    assert_int_equal(t->fake.copies, 0);
    fake_signal(&t->fake);
    assert_int_equal(last(t, 1, FRAME_PATH_SHM)->copied, W * H * 4);
    answer(t);
    flush(t, 1, rect(0, 0, 8, 8)); /* into a second buffer: all of it */
    fake_signal(&t->fake);
    fake_signal(&t->fake);
    answer(t);
    bed_release(t->bed, 0);
    flush(t, 1, rect(40, 20, 2, 2)); /* into the first, which lacks two squares */
    fake_signal(&t->fake);
    fake_signal(&t->fake);
    assert_int_equal(last(t, 3, FRAME_PATH_SHM)->copied, (64 + 4) * 4);
    assert_int_equal(t->fake.exports, 0);
    assert_int_equal(t->fake.targets, 0);
}

static void what_the_painter_cannot_do_is_done_in_another_way(void **state)
{
    struct test *t = *state;

    t->fake.no_export = t->fake.no_target = true;
    show(t, 1);
    flush(t, 1, all);
    fake_signal(&t->fake);
    fake_signal(&t->fake);
    last(t, 1, FRAME_PATH_SHM);
    answer(t);
    flush(t, 1, all);
    assert_int_equal(t->fake.exports, 1);
    assert_int_equal(t->fake.targets, 1);
    fake_signal(&t->fake);
    t->fake.no_copy = true; /* GL has failed: no frame, but the next flush tries again */
    fake_signal(&t->fake);
    assert_int_equal(t->bed->n_frames, 1);
    t->fake.no_copy = false;
    t->fake.no_fetch = true;
    flush(t, 1, rect(0, 0, 1, 1));
    fake_signal(&t->fake);
    assert_int_equal(t->bed->n_frames, 1);
    t->fake.no_fetch = false;
    flush(t, 1, rect(0, 0, 1, 1));
    fake_signal(&t->fake);
    fake_signal(&t->fake);
    assert_int_equal(last(t, 2, FRAME_PATH_SHM)->damage[0].width, W);
    answer(t);
    t->fake.no_fences = true;
    flush(t, 1, rect(0, 0, 1, 1));
    t->fake.no_fences = false;
    flush(t, 1, rect(8, 8, 1, 1));
    fake_signal(&t->fake);
    fake_signal(&t->fake);
    assert_int_equal(last(t, 3, FRAME_PATH_SHM)->n_damage, 2);
}

/* In each step of a frame in the making something comes in between; then a flip must still show. */
static void what_comes_in_between_leaves_no_frame_behind(void **state)
{
    enum { DESTROY, OFF, OTHER, UNWATCHED, FORMATS, CASES };
    struct test *t = *state;

    for (unsigned i = 0; i < CASES * 3; i++) {
        unsigned step = i % 3, frames = t->bed->n_frames;
        bed_formats(t->bed, &linear, step ? 0 : 1);
        show(t, 1);
        flush(t, 1, all);
        if (step == 2)
            fake_signal(&t->fake);
        assert_int_equal(t->bed->n_frames, frames);
        switch (i / 3) {
        case DESTROY:
            assert_int_equal(bed_simple(t->bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
            break;
        case OFF:
            assert_int_equal(bed_set_scanout(t->bed, 0, 0, all), OK);
            break;
        case OTHER: /* and the first one goes while it is read */
            show(t, 2);
            flush(t, 2, all);
            assert_int_equal(bed_simple(t->bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
            break;
        case UNWATCHED:
            t->bed->producer->events->unwatched(t->bed->producer);
            break;
        case FORMATS:
            bed_formats(t->bed, &tiled, 1);
            break;
        }
        fake_signal(&t->fake);
        bed_formats(t->bed, &linear, 1);
        show(t, 2);
        flush(t, 2, all);
        for (unsigned s = 0; s < 4; s++) {
            fake_signal(&t->fake);
            if (t->bed->n_frames > frames)
                answer(t);
        }
        assert_true(t->bed->n_frames > frames);
        assert_int_equal(last(t, t->bed->n_frames, FRAME_PATH_TEXTURE)->copied, 0);
        bed_set_scanout(t->bed, 0, 0, all);
        bed_simple(t->bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1);
        bed_simple(t->bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 2);
        assert_int_equal(t->fake.textures, 0);
    }
}

static void a_cursor_is_read_when_it_is_updated(void **state)
{
    struct test *t = *state;

    bed_create_2d(t->bed, 1, VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, 64, 64);
    assert_int_equal(bed_update_cursor(t->bed, 1, 1, 1, 5, 5), OK);
    assert_int_equal(bed_update_cursor(t->bed, 0, 0, 0, 5, 5), OK);
    assert_int_equal(t->fake.reads, 1);
    assert_int_equal(t->bed->n_cursors, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_hundred_flips_export_two_textures),
        TEST(without_sync_files_a_frame_waits_for_the_renderer),
        TEST(a_texture_that_is_upside_down_says_so),
        TEST(formats_decide_between_export_and_blit),
        TEST(each_import_that_fails_leads_one_step_down),
        TEST(a_texture_is_read_back_in_two_steps_as_far_as_it_changed),
        TEST(what_the_painter_cannot_do_is_done_in_another_way),
        TEST(what_comes_in_between_leaves_no_frame_behind),
        TEST(a_cursor_is_read_when_it_is_updated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
