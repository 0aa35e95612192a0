// SPDX-License-Identifier: MIT
/* What linux-dmabuf's feedback says, the truth or not: the compositor's device, formats, modifiers. */
#include <drm_fourcc.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "linux-dmabuf-v1-server.h"
#include "tests/test.h"
#include "tests/wl/fixture.h"
#include "vmm/base/util.h"

struct entry {
    uint32_t format, padding;
    uint64_t modifier;
};

/* A folder in the place of /, in which there are two devices: primary and render nodes 0 and 128, and
 * 1 and 129; and one with a primary node only, 2. */
static char root[] = "/tmp/vitrine-feedback-XXXXXX";

static void make_file(const char *path)
{
    char name[200];
    snprintf(name, sizeof(name), "%s/%s", root, path);
    for (char *slash = name + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(name, 0700);
        *slash = '/';
    }
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    fclose(file);
}

static int make_root(void **state)
{
    static const char *const files[] = {
        "sys/dev/char/226:0/device/drm/card0",        "sys/dev/char/226:0/device/drm/renderD128",
        "sys/dev/char/226:128/device/drm/card0",      "sys/dev/char/226:128/device/drm/renderD128",
        "sys/dev/char/226:1/device/drm/card1",        "sys/dev/char/226:1/device/drm/renderD129",
        "sys/dev/char/226:129/device/drm/card1",      "sys/dev/char/226:129/device/drm/renderD129",
        "sys/dev/char/226:2/device/drm/card2",        "sys/dev/char/226:2/device/drm/renderDx",
        "sys/dev/char/1:8/device/drm/renderD128",     "dev/dri/renderD128",
        "sys/dev/char/226:130/device/drm/renderD130",
    };
    if (!mkdtemp(root))
        return -1;
    for (unsigned i = 0; i < ARRAY_LEN(files); i++)
        make_file(files[i]);
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    return remove(path);
}

static int remove_root(void **state)
{
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void open_with(struct fixture *f, dev_t device)
{
    struct compositor_config config = compositor_everything;
    config.device = device;
    *f = (struct fixture){ .loop = loop_create(), .root = root };
    f->compositor = compositor_create(f->loop, &config);
    fixture_finish_opening(f, 1);
    assert_non_null(f->wayl);
}

static void send(struct fixture *f, const struct compositor_feedback *feedback)
{
    unsigned calls = f->rec.formats_calls;
    compositor_send_feedback(f->compositor, feedback);
    compositor_sync(f->compositor);
    assert_int_equal(f->rec.formats_calls, calls + 1);
    assert_int_equal(f->rec.n_lost, 0);
}

static const char *node_of(struct fixture *f)
{
    const char *node = wayl_main_device(f->wayl);
    return node ? node + strlen(root) : "none";
}

static void the_main_device_is_known_when_the_windows_are_open(void **state)
{
    struct fixture f;
    open_with(&f, makedev(226, 128));
    assert_string_equal(node_of(&f), "/dev/dri/renderD128");
    fixture_close(&f);
}

static void a_primary_node_stands_for_its_render_node(void **state)
{
    struct fixture f;
    open_with(&f, makedev(226, 0));
    assert_string_equal(node_of(&f), "/dev/dri/renderD128");
    fixture_close(&f);
}

static void a_device_that_is_none_of_ours_has_no_node(void **state)
{
    const dev_t devices[] = {
        0,
        makedev(226, 2),   /* no render node */
        makedev(226, 9),   /* not here */
        makedev(1, 8),     /* no DRM device */
        makedev(226, 130), /* its node may not be opened */
        (dev_t)-1,
    };
    for (unsigned i = 0; i < ARRAY_LEN(devices); i++) {
        struct fixture f;
        open_with(&f, devices[i]);
        assert_null(wayl_main_device(f.wayl));
        fixture_close(&f);
    }
}

static void modifier_events_name_no_device(void **state)
{
    struct compositor_config config = compositor_everything;
    config.dmabuf = 3;
    struct fixture f;
    fixture_open(&f, &config, 1);
    assert_null(wayl_main_device(f.wayl));
    fixture_close(&f);
}

static void a_device_of_the_wrong_length_is_none(void **state)
{
    static const uint8_t bytes[16] = { 128, 226 }; /* 226:128 */
    struct fixture f;
    for (unsigned len = 0; len < sizeof(bytes); len++) {
        open_with(&f, makedev(226, 128));
        struct compositor_feedback feedback = { .device = { bytes, len } };
        send(&f, &feedback);
        assert_true(!wayl_main_device(f.wayl) == (len != sizeof(dev_t)));
        fixture_close(&f);
    }
}

static void all_tranches_count_the_favourites_first(void **state)
{
    static const struct entry table[] = {
        { DRM_FORMAT_XRGB8888, 0, DRM_FORMAT_MOD_LINEAR },
        { DRM_FORMAT_XRGB8888, 0, 0x0100000000000001 },
        { DRM_FORMAT_ARGB8888, 0, 0x0100000000000002 },
    };
    static const uint16_t first[] = { 1, 2 }, second[] = { 0, 1 };
    const dev_t device = makedev(226, 128), primary = makedev(226, 0);
    struct compositor_feedback feedback = {
        .table = BYTES_OF(table),
        .table_size = sizeof(table),
        .device = BYTES_OF(device),
        .n_tranches = 2,
        .tranche = { { BYTES_OF(primary), BYTES_OF(first) },
                     { BYTES_OF(device), BYTES_OF(second) } },
    };
    struct fixture f;
    open_with(&f, device);
    send(&f, &feedback);
    assert_int_equal(f.rec.n_formats, 3);
    assert_true(f.rec.format[0].modifier == 0x0100000000000001);
    assert_int_equal(f.rec.format[1].fourcc, DRM_FORMAT_ARGB8888);
    assert_true(f.rec.format[2].modifier == DRM_FORMAT_MOD_LINEAR);
    fixture_close(&f);
}

static void modifiers_of_another_device_are_left_out(void **state)
{
    static const struct entry table[] = {
        { DRM_FORMAT_XRGB8888, 0, 0x0100000000000001 },
        { DRM_FORMAT_XRGB8888, 0, DRM_FORMAT_MOD_LINEAR },
    };
    static const uint16_t tiled[] = { 0 }, linear[] = { 1 };
    const dev_t device = makedev(226, 128), other = makedev(226, 129);
    struct compositor_feedback feedback = {
        .table = BYTES_OF(table),
        .table_size = sizeof(table),
        .device = BYTES_OF(device),
        .n_tranches = 2,
        .tranche = { { BYTES_OF(other), BYTES_OF(tiled) }, { BYTES_OF(device), BYTES_OF(linear) } },
    };
    struct fixture f;
    open_with(&f, device);
    send(&f, &feedback);
    assert_int_equal(f.rec.n_formats, 1);
    assert_true(f.rec.format[0].modifier == DRM_FORMAT_MOD_LINEAR);
    fixture_close(&f);
}

static void a_table_of_any_length_or_indices_beyond_it_do_no_harm(void **state)
{
    static const struct entry table[] = { { DRM_FORMAT_XRGB8888, 0, 5 },
                                          { DRM_FORMAT_XRGB8888, 0, 6 } };
    static const uint16_t indices[] = { 0xffff, 1, 2, 0, 0xfffe };
    static const uint32_t sizes[] = { 0, 1, 15, 16, 17, 31, 32, 33, 4096, 1u << 20, UINT32_MAX };
    struct fixture f;
    open_with(&f, 0);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct compositor_feedback feedback = {
            .table = BYTES_OF(table),
            .table_size = sizes[i],
            .n_tranches = 1,
            .tranche[0].indices = BYTES_OF(indices),
        };
        send(&f, &feedback);
        /* What is said to be longer than its file can't be read; that costs dmabufs, nothing else. */
        unsigned whole = sizes[i] <= sizeof(table) + 15 ? sizes[i] / sizeof(table[0]) : 0;
        assert_int_equal(f.rec.n_formats, whole);
    }
    fixture_close(&f);
}

static void indices_without_a_table_or_cut_in_half_do_no_harm(void **state)
{
    static const uint8_t bytes[] = { 0, 0, 1 };
    struct compositor_config config = compositor_everything;
    config.n_formats = 0;
    struct fixture f;
    fixture_open(&f, &config, 1);
    struct compositor_feedback feedback = { .n_tranches = 2,
                                            .tranche[0].indices = BYTES_OF(bytes),
                                            .tranche[1].indices = { bytes, 1 } };
    send(&f, &feedback);
    assert_int_equal(f.rec.n_formats, 0);
    fixture_close(&f);
}

static void more_modifiers_than_can_be_kept_are_cut_off(void **state)
{
    enum { N = 65536 };
    struct entry *table = calloc(N, sizeof(*table));
    uint16_t indices[1500];
    for (unsigned i = 0; i < N; i++)
        table[i] = (struct entry){ DRM_FORMAT_XRGB8888, 0, i };
    for (unsigned i = 0; i < ARRAY_LEN(indices); i++)
        indices[i] = (uint16_t)(i * 43);
    struct compositor_feedback feedback = {
        .table = { table, N * sizeof(*table) },
        .table_size = N * sizeof(*table),
        .n_tranches = 1,
        .tranche[0].indices = BYTES_OF(indices),
    };
    struct fixture f;
    open_with(&f, 0);
    send(&f, &feedback);
    assert_int_equal(f.rec.n_formats, 1024);
    assert_true(f.rec.format[FIXTURE_FORMATS_MAX - 1].modifier == (FIXTURE_FORMATS_MAX - 1) * 43);
    fixture_close(&f);
    free(table);
}

/* Says of the second window, by what that one's table has, what can be scanned out; and that all else
 * can be drawn. */
static void send_scanout(struct fixture *f, const uint16_t *scanout, unsigned n)
{
    static const struct entry table[] = {
        { DRM_FORMAT_XRGB8888, 0, DRM_FORMAT_MOD_LINEAR },
        { DRM_FORMAT_ARGB8888, 0, DRM_FORMAT_MOD_LINEAR },
        { DRM_FORMAT_XBGR8888, 0, DRM_FORMAT_MOD_LINEAR }, /* not taken otherwise */
    };
    static const uint16_t drawn[] = { 0, 1 };
    const dev_t device = makedev(226, 128);
    struct compositor_feedback feedback = {
        .table = BYTES_OF(table),
        .table_size = sizeof(table),
        .device = BYTES_OF(device),
        .n_tranches = 2,
        .tranche = { { BYTES_OF(device),
                       { scanout, n * sizeof(*scanout) },
                       ZWP_LINUX_DMABUF_FEEDBACK_V1_TRANCHE_FLAGS_SCANOUT },
                     { BYTES_OF(device), BYTES_OF(drawn), 0 } },
    };
    compositor_send_surface_feedback(compositor_window(f->compositor, 1), &feedback);
    compositor_sync(f->compositor);
    assert_int_equal(f->rec.n_lost, 0);
}

static void what_can_be_scanned_out_as_a_window_is_shown_becomes_the_favourite(void **state)
{
    static const uint16_t alpha[] = { 1, 2, 77 };
    struct fixture f;
    struct compositor_config config = compositor_everything;
    config.device = makedev(226, 128);
    f = (struct fixture){ .loop = loop_create(), .root = root };
    f.compositor = compositor_create(f.loop, &config);
    fixture_finish_opening(&f, 2);
    assert_int_equal(f.rec.formats_calls, 1);
    assert_int_equal(f.rec.format[0].fourcc, DRM_FORMAT_XRGB8888);
    send_scanout(&f, NULL, 0); /* as it floats: nothing */
    assert_int_equal(f.rec.formats_calls, 1);
    send_scanout(&f, alpha, ARRAY_LEN(alpha)); /* fullscreen */
    assert_int_equal(f.rec.formats_calls, 2);
    assert_int_equal(f.rec.n_formats, 2);
    assert_int_equal(f.rec.format[0].fourcc, DRM_FORMAT_ARGB8888);
    assert_int_equal(f.rec.format[1].fourcc, DRM_FORMAT_XRGB8888);
    send_scanout(&f, alpha, ARRAY_LEN(alpha)); /* said again */
    assert_int_equal(f.rec.formats_calls, 2);
    send_scanout(&f, NULL, 0);
    assert_int_equal(f.rec.formats_calls, 3);
    assert_int_equal(f.rec.format[0].fourcc, DRM_FORMAT_XRGB8888);
    fixture_close(&f);
}

static void what_another_device_could_scan_out_is_nothing_to_us(void **state)
{
    static const struct entry table[] = { { DRM_FORMAT_ARGB8888, 0, DRM_FORMAT_MOD_LINEAR } };
    static const uint16_t first[] = { 0 };
    const dev_t device = makedev(226, 128), other = makedev(226, 129);
    struct compositor_feedback feedback = {
        .table = BYTES_OF(table),
        .table_size = sizeof(table),
        .device = BYTES_OF(device),
        .n_tranches = 1,
        .tranche = { { BYTES_OF(other), BYTES_OF(first),
                       ZWP_LINUX_DMABUF_FEEDBACK_V1_TRANCHE_FLAGS_SCANOUT } },
    };
    struct fixture f;
    open_with(&f, device);
    compositor_send_surface_feedback(compositor_window(f.compositor, 0), &feedback);
    compositor_sync(f.compositor);
    assert_int_equal(f.rec.formats_calls, 1);
    fixture_close(&f);
}

static void a_surfaces_table_of_any_length_does_no_harm(void **state)
{
    static const struct entry table[] = { { DRM_FORMAT_ARGB8888, 0, DRM_FORMAT_MOD_LINEAR } };
    static const uint16_t indices[] = { 0xffff, 1, 0 };
    static const uint32_t sizes[] = { 0, 1, 15, 17, 32, 1u << 20, UINT32_MAX };
    struct fixture f;
    open_with(&f, 0);
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct compositor_feedback feedback = {
            .table = BYTES_OF(table),
            .table_size = sizes[i],
            .n_tranches = 1,
            .tranche[0] = { .indices = BYTES_OF(indices),
                            .flags = ZWP_LINUX_DMABUF_FEEDBACK_V1_TRANCHE_FLAGS_SCANOUT },
        };
        compositor_send_surface_feedback(compositor_window(f.compositor, 0), &feedback);
        compositor_sync(f.compositor);
        assert_int_equal(f.rec.n_formats, 2); /* what is taken stays what it was */
        assert_int_equal(f.rec.n_lost, 0);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_main_device_is_known_when_the_windows_are_open),
        cmocka_unit_test(a_primary_node_stands_for_its_render_node),
        cmocka_unit_test(a_device_that_is_none_of_ours_has_no_node),
        cmocka_unit_test(modifier_events_name_no_device),
        cmocka_unit_test(a_device_of_the_wrong_length_is_none),
        cmocka_unit_test(all_tranches_count_the_favourites_first),
        cmocka_unit_test(modifiers_of_another_device_are_left_out),
        cmocka_unit_test(a_table_of_any_length_or_indices_beyond_it_do_no_harm),
        cmocka_unit_test(indices_without_a_table_or_cut_in_half_do_no_harm),
        cmocka_unit_test(what_can_be_scanned_out_as_a_window_is_shown_becomes_the_favourite),
        cmocka_unit_test(what_another_device_could_scan_out_is_nothing_to_us),
        cmocka_unit_test(a_surfaces_table_of_any_length_does_no_harm),
        cmocka_unit_test(more_modifiers_than_can_be_kept_are_cut_off),
    };
    return cmocka_run_group_tests(tests, make_root, remove_root);
}
