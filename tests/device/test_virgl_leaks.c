// SPDX-License-Identifier: MIT
/* A guest that makes and unmakes things for ever leaves nothing behind: counted in file descriptors,
 * mappings and bytes of the heap. Where EGL exports textures, they must be dmabufs. For the emulated
 * desktop, where they must be in any case, there are the arguments `full`, and `short` with fewer cycles. */
#include <drm_fourcc.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/device/virgl_bed.h"
#include "tests/fds.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define W 256u
#define H 128u
/* Until caches are full and arenas grown: Mesa keeps some of what is freed. */
static unsigned warm_up = 300, cycles = 1000, cuts = 120;
/* Bytes that may be kept all the same: with exports, llvmpipe's were seen to grow by up to 48 KB in 100
 * cycles, and by no more in 1,000. One texture's pixels take 128 KB. */
static size_t kept;

static const struct display_format formats[] = {
    { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
    { DRM_FORMAT_XBGR8888, DRM_FORMAT_MOD_LINEAR },
};
static bool must_export;

struct count {
    unsigned fds, maps; /* of files; the heap's own come and go with a sanitizer */
    size_t heap;        /* bytes */
};

static struct count count(void)
{
    struct count c = { .fds = count_fds() };
    char *line = NULL;
    size_t room = 0;
    FILE *maps = fopen("/proc/self/maps", "re");
    while (getline(&line, &room, maps) > 0) {
        unsigned long inode = 0;
        sscanf(line, "%*s %*s %*s %*s %lu", &inode);
        c.maps += inode != 0;
    }
    fclose(maps);
    free(line);
    struct mallinfo2 heap = mallinfo2();
    c.heap = heap.uordblks + heap.hblkhd;
    return c;
}

/* Whether nothing more is open and mapped than was. A driver's threads open a file for a moment now and
 * then, so what is not there at the next look was not left behind. */
static bool same(const struct count *before, const struct count *after, unsigned looks)
{
    if (after->fds == before->fds && after->maps == before->maps)
        return true;
    if (looks < 20)
        return false;
    char command[120];
    snprintf(command, sizeof(command), "ls -l /proc/%d/fd >&2; cat /proc/%d/maps >&2", getpid(),
             getpid());
    if (system(command) != 0)
        print_message("what is open can't be listed\n");
    return true; /* enough looked; the test fails at the numbers */
}

/* A guest's program from start to end, as it shows on a screen, with a cursor. */
static void cycle(struct bed *bed, uint32_t n)
{
    uint32_t ctx = n % 7 + 1, texture = n % 11 + 1, words[CLEAR_WORDS];
    struct virtio_gpu_mem_entry page = { .addr = BED_PIXELS_GPA, .length = 4096 };
    struct virtio_gpu_rect r = { .width = W, .height = H };
    unsigned scanout = n % 2;

    guest_scene(bed, ctx, texture, W, H);
    guest_clear_words(words, 1, texture, 1, 0, 0);
    struct bed_pending p = guest_submit_fenced(bed, ctx, words, CLEAR_WORDS, n);
    assert_int_equal(guest_texture(bed, 50, 64, 64), OK);
    assert_int_equal(bed_create_blob(bed, 51, 4096, &page, 1), OK);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, ctx, 51), OK);
    assert_int_equal(bed_set_scanout(bed, scanout, texture, r), OK);
    assert_int_equal(bed_flush(bed, texture, r), OK);
    assert_int_equal(bed_update_cursor(bed, 50, 0, 0, 0, 0), OK);
    guest_wait(bed, &p, NULL);
    while (bed->n_frames == 0)
        loop_run_once(bed->loop, -1);
    if (must_export)
        assert_int_equal(bed_last(bed)->buffer->path, FRAME_PATH_TEXTURE);
    bed_done(bed, scanout, bed_last(bed)->seq);
    if (n % 3 != 0) /* else it goes while it is shown */
        assert_int_equal(bed_set_scanout(bed, scanout, 0, r), OK);
    if (n % 4 != 0)
        assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, ctx, 0), OK);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, texture), OK);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 50), OK);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 51), OK);
    if (n % 4 == 0)
        assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, ctx, 0), OK);
    bed_forget_frames(bed);
}

static void a_thousand_cycles_leave_nothing_behind(void **state)
{
    struct bed *bed = *state;
    uint32_t n = 0;

    must_export |= virgl_bed_exports();
    if (must_export)
        kept = 128 << 10;
    bed_formats(bed, formats, ARRAY_LEN(formats));
    while (n < warm_up)
        cycle(bed, n++);
    struct count before = count();
    while (n < warm_up + cycles)
        cycle(bed, n++);
    struct count after = count();
    for (unsigned looks = 1; !same(&before, &after, looks); looks++) {
        cycle(bed, n++);
        after = count();
    }
    print_message("fds %u, %u; mappings %u, %u; heap %zu, %zu bytes\n", before.fds, after.fds,
                  before.maps, after.maps, before.heap, after.heap);
    assert_int_equal(after.fds, before.fds);
    /* The smallest piece that a cycle could keep has 32 bytes with malloc's own. */
    assert_int_equal(after.maps, before.maps);
    assert_true(after.heap <= before.heap + kept + cycles * 24);
}

/* A guest whose machine is reset while it draws. */
static void cut_off(struct bed *bed)
{
    struct virtio_gpu_rect r = { .width = W, .height = H };
    uint32_t words[CLEAR_WORDS];

    for (uint32_t i = 1; i <= 4; i++) {
        guest_scene(bed, i, i, W, H);
        guest_clear_words(words, 1, i, 1, 0, 0);
        guest_submit_fenced(bed, i, words, CLEAR_WORDS, i);
    }
    assert_int_equal(bed_set_scanout(bed, 0, 1, r), OK);
    assert_int_equal(bed_flush(bed, 1, r), OK);
    bed_stop(bed);
    bed_start(bed);
    bed_formats(bed, formats, ARRAY_LEN(formats));
    /* The renderer lets go of a fence when the loop has heard of it. */
    assert_int_equal(guest_context(bed, 1), OK);
    struct bed_pending p = guest_submit_fenced(bed, 1, NULL, 0, 1);
    guest_wait(bed, &p, NULL);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 1, 0), OK);
}

static void a_guest_that_is_cut_off_leaves_nothing_behind(void **state)
{
    struct bed *bed = *state;

    for (unsigned n = 0; n < 20; n++)
        cut_off(bed);
    struct count before = count();
    for (unsigned n = 20; n < cuts; n++)
        cut_off(bed);
    struct count after = count();
    for (unsigned looks = 1; !same(&before, &after, looks); looks++) {
        cut_off(bed);
        after = count();
    }
    print_message("fds %u, %u; mappings %u, %u; heap %zu, %zu bytes\n", before.fds, after.fds,
                  before.maps, after.maps, before.heap, after.heap);
    assert_int_equal(after.fds, before.fds);
    assert_int_equal(after.maps, before.maps);
    assert_true(after.heap <= before.heap + kept + 400 * 24);
}

int main(int argc, char **argv)
{
    must_export = argc > 1;
    if (argc > 1 && strcmp(argv[1], "short") == 0) {
        warm_up = 40;
        cycles = 60;
        cuts = 60;
    }
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, virgl_bed_start, virgl_bed_stop)
        TEST(a_thousand_cycles_leave_nothing_behind),
        TEST(a_guest_that_is_cut_off_leaves_nothing_behind),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, virgl_bed_create, virgl_bed_destroy);
}
