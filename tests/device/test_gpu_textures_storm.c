// SPDX-License-Identifier: MIT
/* Flips, flushes, fences, releases, failures and changes of formats in random order (from fixed seeds,
 * so that a failure comes again). The renderer that is played checks what it is asked; after the storm
 * a flip must show as ever, and nothing may be left. */
#include <drm_fourcc.h>

#include "tests/device/fake_renderer.h"
#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 64u
#define H 32u
#define TEXTURES 5u
#define STEPS 3000u
#define SEEDS 40u

struct storm {
    uint32_t state;
    struct bed *bed;
    struct fake_renderer fake;
    bool there[TEXTURES + 1]; /* by id */
    uint32_t seq[2];          /* of each scanout's last frame that was looked at */
    unsigned seen;
};

static uint32_t pick(struct storm *s, uint32_t n)
{
    s->state = s->state * 1664525u + 1013904223u;
    return (s->state >> 8) % n;
}

static struct virtio_gpu_rect random_rect(struct storm *s)
{
    struct virtio_gpu_rect r = { .x = pick(s, W), .y = pick(s, H) };
    r.width = 1 + pick(s, W - r.x);
    r.height = 1 + pick(s, H - r.y);
    return r;
}

static void toggle(struct storm *s)
{
    bool *const flags[] = {
        &s->fake.sync_files, &s->fake.no_fences, &s->fake.no_export, &s->fake.no_target,
        &s->fake.no_blit,    &s->fake.no_fetch,  &s->fake.no_copy,   &s->fake.inverted,
    };
    bool *flag = flags[pick(s, ARRAY_LEN(flags))];
    *flag = !*flag;
    s->fake.modifier = pick(s, 2) ? FAKE_MODIFIER : DRM_FORMAT_MOD_LINEAR;
}

static void offer(struct storm *s)
{
    static const struct display_format formats[] = {
        { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
        { DRM_FORMAT_XRGB8888, FAKE_MODIFIER },
    };
    unsigned first = pick(s, 2);
    bed_formats(s->bed, &formats[first], pick(s, 3 - first));
}

/* Each frame is newer than the last one of its scanout, and its rectangles fit. */
static void look(struct storm *s)
{
    for (; s->seen < s->bed->n_frames; s->seen++) {
        const struct bed_frame *b = &s->bed->frame[s->seen];
        const struct frame *f = &b->frame;
        assert_true(f->seq > s->seq[b->scanout]);
        s->seq[b->scanout] = f->seq;
        assert_true(rect_within(&f->source, f->buffer->width, f->buffer->height));
        for (unsigned i = 0; i < f->n_damage; i++)
            assert_true(rect_within(&f->damage[i], f->source.width, f->source.height));
        assert_true((f->copied > 0) == (f->buffer->path == FRAME_PATH_SHM));
    }
}

/* Makes room for frames to come: those so far leave the screen, which may bring new ones. */
static void clear(struct storm *s)
{
    for (unsigned i = 0; i < s->bed->n_frames; i++)
        while (s->bed->frame[i].frame.buffer->locks > 0)
            bed_release(s->bed, i);
    look(s);
    bed_forget_frames(s->bed);
    s->seen = 0;
}

static void step(struct storm *s)
{
    struct bed *bed = s->bed;
    uint32_t id = 1 + pick(s, TEXTURES), scanout = pick(s, 2);

    switch (pick(s, 16)) {
    case 0:
        if (!s->there[id])
            assert_int_equal(bed_create_2d(bed, id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, W, H), OK);
        s->there[id] = true;
        break;
    case 1:
        if (s->there[id])
            assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, id), OK);
        s->there[id] = false;
        break;
    case 2:
    case 3:
    case 4:
        if (s->there[id])
            assert_int_equal(bed_set_scanout(bed, scanout, id,
                                             pick(s, 2) ? random_rect(s)
                                                        : (struct virtio_gpu_rect){ 0, 0, W, H }),
                             OK);
        break;
    case 5:
        if (pick(s, 4) == 0)
            assert_int_equal(bed_set_scanout(bed, scanout, 0, (struct virtio_gpu_rect){ 0 }), OK);
        break;
    case 6:
    case 7:
    case 8:
        if (s->there[id])
            assert_int_equal(bed_flush(bed, id, random_rect(s)), OK);
        break;
    case 9:
    case 10:
        bed_done(bed, scanout, s->seq[scanout] - (pick(s, 8) == 0));
        break;
    case 11:
        if (bed->n_frames > 0) {
            unsigned frame = pick(s, bed->n_frames);
            if (bed->frame[frame].frame.buffer->locks > 0)
                bed_release(bed, frame);
        }
        break;
    case 12:
        if (bed->n_frames > 0 && pick(s, 8) == 0)
            bed->producer->events->import_failed(bed->producer, bed_last(bed)->buffer);
        break;
    case 13:
        if (pick(s, 8) == 0)
            toggle(s);
        else if (pick(s, 16) == 0)
            bed->producer->events->unwatched(bed->producer);
        break;
    case 14:
        if (pick(s, 4) == 0)
            offer(s);
        break;
    case 15:
        fake_signal(&s->fake);
        break;
    }
    assert_int_equal(s->fake.entered, 0);
    look(s);
    if (bed->n_frames > BED_MAX_FRAMES / 2)
        clear(s);
}

/* Whatever was, a flip shows. */
static void calm(struct storm *s)
{
    static const struct display_format linear = { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR };
    struct virtio_gpu_rect all = { 0, 0, W, H };
    uint32_t id = TEXTURES + 1;

    s->fake.no_fences = s->fake.no_export = s->fake.no_target = s->fake.no_blit = false;
    s->fake.no_fetch = s->fake.no_copy = false;
    s->fake.modifier = DRM_FORMAT_MOD_LINEAR;
    clear(s);
    for (unsigned scanout = 0; scanout < 2; scanout++)
        bed_done(s->bed, scanout, s->seq[scanout]);
    bed_formats(s->bed, &linear, 1);
    assert_int_equal(bed_create_2d(s->bed, id, VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, W, H), OK);
    for (unsigned scanout = 0; scanout < 2; scanout++) {
        assert_int_equal(bed_set_scanout(s->bed, scanout, id, all), OK);
        assert_int_equal(bed_flush(s->bed, id, all), OK);
        for (unsigned i = 0; i < 4; i++) {
            fake_signal(&s->fake);
            for (unsigned f = 0; f < s->bed->n_frames; f++)
                bed_done(s->bed, s->bed->frame[f].scanout, s->bed->frame[f].frame.seq);
        }
        unsigned last = s->bed->n_frames - 1;
        while (last > 0 && s->bed->frame[last].scanout != scanout)
            last--;
        const struct frame *f = &s->bed->frame[last].frame;
        assert_int_equal(s->bed->frame[last].scanout, scanout);
        assert_int_equal(f->buffer->path, FRAME_PATH_TEXTURE);
        assert_int_equal(f->source.width, W);
        assert_int_equal(f->source.height, H);
    }
}

static void after_a_storm_a_flip_shows_and_nothing_is_left(void **state)
{
    for (uint32_t seed = 1; seed <= SEEDS; seed++) {
        static struct storm s;

        s = (struct storm){ .state = seed };
        fake_renderer_init(&s.fake);
        s.bed = bed_create(&(struct virtio_gpu_options){ .n_scanouts = 2, .maker = &s.fake.maker });
        bed_start(s.bed);
        for (unsigned i = 0; i < STEPS; i++)
            step(&s);
        calm(&s);
        bed_stop(s.bed);
        assert_int_equal(s.fake.textures, 0);
        bed_destroy(s.bed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(after_a_storm_a_flip_shows_and_nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
