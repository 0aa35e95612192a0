// SPDX-License-Identifier: MIT
/* virtio-gpu's commands: what they do, what they answer, what arrives on the display. */
#include <drm_fourcc.h>
#include <string.h>

#include "tests/device/gpu_bed.h"
#include "tests/test.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define BGRX VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM

static struct virtio_gpu_rect rect(uint32_t x, uint32_t y, uint32_t w, uint32_t h)
{
    return (struct virtio_gpu_rect){ .x = x, .y = y, .width = w, .height = h };
}

static void fill(struct bed *bed, uint64_t gpa, size_t n, uint32_t first)
{
    for (size_t i = 0; i < n; i++)
        bed_ram(bed, gpa)[i] = first + (uint32_t)i;
}

/* Resource 1, w × h, its pages at BED_PIXELS_GPA, on scanout 0. */
static void host_resource(struct bed *bed, uint32_t format, uint32_t w, uint32_t h)
{
    struct virtio_gpu_mem_entry entry = { .addr = BED_PIXELS_GPA, .length = w * h * 4 };
    assert_int_equal(bed_create_2d(bed, 1, format, w, h), OK);
    assert_int_equal(bed_attach(bed, 1, &entry, 1), OK);
    assert_int_equal(bed_set_scanout(bed, 0, 1, rect(0, 0, w, h)), OK);
}

static void display_info_tells_the_modes(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_ctrl_hdr cmd = { .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO };
    struct virtio_gpu_resp_display_info info;

    bed->producer->events->mode(bed->producer, 1,
                                &(struct display_mode){ .width = 640, .height = 480 });
    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), &info, sizeof(info)),
                     VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    assert_int_equal(info.pmodes[0].enabled, 1);
    assert_int_equal(info.pmodes[0].r.width, VIRTIO_GPU_DEFAULT_WIDTH);
    assert_int_equal(info.pmodes[1].enabled, 1);
    assert_int_equal(info.pmodes[1].r.x, VIRTIO_GPU_DEFAULT_WIDTH);
    assert_int_equal(info.pmodes[1].r.height, 480);
    for (unsigned i = 2; i < 16; i++)
        assert_int_equal(info.pmodes[i].enabled, 0);
}

static void a_new_mode_changes_edid_and_raises_one_event(void **state)
{
    struct bed *bed = *state;
    struct display_mode mode = { .width = 1024, .height = 600 };
    struct virtio_gpu_cmd_get_edid cmd = { .hdr.type = VIRTIO_GPU_CMD_GET_EDID };
    struct virtio_gpu_resp_edid edid;
    struct virtio_gpu_config config;
    uint32_t clear = VIRTIO_GPU_EVENT_DISPLAY;

    bed->producer->events->mode(bed->producer, 0, &mode);
    bed->producer->events->mode(bed->producer, 0, &mode);
    assert_int_equal(bed->config_changes, 1);
    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.events_read, VIRTIO_GPU_EVENT_DISPLAY);
    assert_int_equal(config.num_scanouts, 2);

    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), &edid, sizeof(edid)),
                     VIRTIO_GPU_RESP_OK_EDID);
    assert_int_equal(edid.size, 128);
    assert_int_equal(edid.edid[54 + 2] | (edid.edid[54 + 4] & 0xf0) << 4, 1024);
    assert_int_equal(edid.edid[54 + 5] | (edid.edid[54 + 7] & 0xf0) << 4, 600);

    bed->dev->ops->set_config(bed->dev, 0, &clear, sizeof(clear)); /* events_read: read-only */
    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.events_read, VIRTIO_GPU_EVENT_DISPLAY);
    bed->dev->ops->set_config(bed->dev, 4, &clear, sizeof(clear));
    bed->dev->ops->get_config(bed->dev, 0, &config, sizeof(config));
    assert_int_equal(config.events_read, 0);

    cmd.scanout = 2;
    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), &edid, sizeof(edid)),
                     VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
}

static struct virtio_gpu_resp_display_info display_info(struct bed *bed)
{
    struct virtio_gpu_ctrl_hdr cmd = { .type = VIRTIO_GPU_CMD_GET_DISPLAY_INFO };
    struct virtio_gpu_resp_display_info info;
    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), &info, sizeof(info)),
                     VIRTIO_GPU_RESP_OK_DISPLAY_INFO);
    return info;
}

static struct virtio_gpu_resp_edid edid_of(struct bed *bed, uint32_t scanout)
{
    struct virtio_gpu_cmd_get_edid cmd = { .hdr.type = VIRTIO_GPU_CMD_GET_EDID,
                                           .scanout = scanout };
    struct virtio_gpu_resp_edid edid;
    assert_int_equal(bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), &edid, sizeof(edid)),
                     VIRTIO_GPU_RESP_OK_EDID);
    return edid;
}

static void a_monitor_is_plugged_in_and_out(void **state)
{
    struct bed *bed = *state;
    struct display_mode mode = {
        .width = 1601, .height = 903, .refresh_mhz = 75000, .width_mm = 267, .height_mm = 151
    };
    assert_int_equal(display_info(bed).pmodes[1].enabled, 0);
    assert_int_equal(edid_of(bed, 1).size, 0);

    bed->producer->events->mode(bed->producer, 1, &mode);
    assert_int_equal(bed->config_changes, 1);
    struct virtio_gpu_resp_display_info info = display_info(bed);
    assert_int_equal(info.pmodes[1].enabled, 1);
    assert_int_equal(info.pmodes[1].r.width, 1601);
    assert_int_equal(info.pmodes[1].r.height, 903);
    struct virtio_gpu_resp_edid edid = edid_of(bed, 1);
    assert_int_equal(edid.size, 128);
    assert_int_equal(edid.edid[54 + 2] | (edid.edid[54 + 4] & 0xf0) << 4, 1601);
    assert_int_equal(edid.edid[54 + 5] | (edid.edid[54 + 7] & 0xf0) << 4, 903);
    assert_int_equal(edid.edid[54 + 12] | (edid.edid[54 + 14] & 0xf0) << 4, 267);
    assert_int_equal(edid.edid[54 + 13] | (edid.edid[54 + 14] & 0x0f) << 8, 151);

    /* Its millimetres alone are news, too: the guest scales by them. */
    mode.width_mm = 133;
    bed->producer->events->mode(bed->producer, 1, &mode);
    assert_int_equal(bed->config_changes, 2);

    /* The first is out: what is left begins at the layout's corner. */
    bed->producer->events->mode(bed->producer, 0, &(struct display_mode){ 0 });
    assert_int_equal(bed->config_changes, 3);
    info = display_info(bed);
    assert_int_equal(info.pmodes[0].enabled, 0);
    assert_int_equal(info.pmodes[1].enabled, 1);
    assert_int_equal(info.pmodes[1].r.x, 0);
    assert_int_equal(edid_of(bed, 0).size, 0);
}

static void an_upload_and_a_flush_show_the_guests_pixels(void **state)
{
    struct bed *bed = *state;

    host_resource(bed, BGRX, 64, 32);
    fill(bed, BED_PIXELS_GPA, 64 * 32, 0x100);
    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 64, 32), 0), OK);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 64, 32)), OK);
    assert_int_equal(bed->n_frames, 1);
    const struct frame *f = bed_last(bed);
    assert_int_equal(f->buffer->fourcc, DRM_FORMAT_XRGB8888);
    assert_int_equal(f->source.width, 64);
    assert_int_equal(f->copied, 64 * 32 * 4);
    assert_int_equal(bed_pixel(f, 0, 0), 0x100);
    assert_int_equal(bed_pixel(f, 63, 31), 0x100 + 64 * 32 - 1);
    bed_done(bed, 0, f->seq);

    /* A part: rows of the picture, from an offset into the backing. */
    fill(bed, BED_PIXELS_GPA, 64 * 32, 0x9000);
    assert_int_equal(bed_transfer(bed, 1, rect(10, 4, 8, 2), (4 * 64 + 10) * 4), OK);
    assert_int_equal(bed_flush(bed, 1, rect(10, 4, 8, 2)), OK);
    f = bed_last(bed);
    assert_int_equal(bed->n_frames, 2);
    assert_int_equal(f->copied, 8 * 2 * 4);
    assert_int_equal(f->n_damage, 1);
    assert_int_equal(f->damage[0].x, 10);
    assert_int_equal(f->damage[0].width, 8);
    assert_int_equal(bed_pixel(f, 10, 4), 0x9000 + 4 * 64 + 10);
    assert_int_equal(bed_pixel(f, 17, 5), 0x9000 + 5 * 64 + 17);
    assert_int_equal(bed_pixel(f, 18, 5), 0x100 + 5 * 64 + 18);
}

static void every_format_shows_the_same_colour(void **state)
{
    /* Red 11, green 22, blue 33, alpha or padding 44, in the order of memory. */
    static const struct {
        uint32_t format;
        uint8_t bytes[4];
    } cases[] = {
        { VIRTIO_GPU_FORMAT_B8G8R8A8_UNORM, { 0x33, 0x22, 0x11, 0x44 } },
        { VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM, { 0x33, 0x22, 0x11, 0x44 } },
        { VIRTIO_GPU_FORMAT_A8R8G8B8_UNORM, { 0x44, 0x11, 0x22, 0x33 } },
        { VIRTIO_GPU_FORMAT_X8R8G8B8_UNORM, { 0x44, 0x11, 0x22, 0x33 } },
        { VIRTIO_GPU_FORMAT_R8G8B8A8_UNORM, { 0x11, 0x22, 0x33, 0x44 } },
        { VIRTIO_GPU_FORMAT_X8B8G8R8_UNORM, { 0x44, 0x33, 0x22, 0x11 } },
        { VIRTIO_GPU_FORMAT_A8B8G8R8_UNORM, { 0x44, 0x33, 0x22, 0x11 } },
        { VIRTIO_GPU_FORMAT_R8G8B8X8_UNORM, { 0x11, 0x22, 0x33, 0x44 } },
    };
    struct bed *bed = *state;

    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        host_resource(bed, cases[i].format, 2, 2);
        for (unsigned p = 0; p < 4; p++)
            memcpy(bed_ram(bed, BED_PIXELS_GPA) + p, cases[i].bytes, 4);
        assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 2, 2), 0), OK);
        assert_int_equal(bed_flush(bed, 1, rect(0, 0, 2, 2)), OK);
        assert_int_equal(bed_pixel(bed_last(bed), 1, 1) & 0xffffff, 0x112233);
        bed_done(bed, 0, bed_last(bed)->seq);
        assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
    }
}

static void a_scattered_backing_is_read_in_its_order(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry e[3] = {
        { .addr = BED_PIXELS_GPA + 0x3000, .length = 10 }, /* ends within a pixel */
        { .addr = BED_PIXELS_GPA + 0x1000, .length = 22 },
        { .addr = BED_PIXELS_GPA, .length = 32 },
    };
    uint8_t *ram = (uint8_t *)bed_ram(bed, BED_PIXELS_GPA);
    for (unsigned i = 0; i < 64; i++) {
        if (i < 10)
            ram[0x3000 + i] = (uint8_t)i;
        else if (i < 32)
            ram[0x1000 + i - 10] = (uint8_t)i;
        else
            ram[i - 32] = (uint8_t)i;
    }
    assert_int_equal(bed_create_2d(bed, 1, BGRX, 4, 4), OK);
    assert_int_equal(bed_attach(bed, 1, e, 3), OK);
    assert_int_equal(bed_set_scanout(bed, 0, 1, rect(0, 0, 4, 4)), OK);
    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 4, 4), 0), OK);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 4, 4)), OK);
    for (unsigned i = 0; i < 16; i++)
        assert_int_equal(bed_pixel(bed_last(bed), i % 4, i / 4), 0x03020100 + i * 0x04040404);
}

static void each_mistake_has_its_error(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry page = { .addr = BED_PIXELS_GPA, .length = 4096 };
    struct virtio_gpu_mem_entry outside = { .addr = BED_RAM - 4096, .length = 8192 };
    struct virtio_gpu_mem_entry wraps = { .addr = UINT64_MAX - 10, .length = 4096 };
    struct virtio_gpu_mem_entry empty = { .addr = BED_PIXELS_GPA, .length = 0 };
    const uint32_t id = VIRTIO_GPU_RESP_ERR_INVALID_RESOURCE_ID;
    const uint32_t parameter = VIRTIO_GPU_RESP_ERR_INVALID_PARAMETER;

    assert_int_equal(bed_create_2d(bed, 0, BGRX, 8, 8), id);
    assert_int_equal(bed_create_2d(bed, 1, 5, 8, 8), parameter);
    assert_int_equal(bed_create_2d(bed, 1, BGRX, 0, 8), parameter);
    assert_int_equal(bed_create_2d(bed, 1, BGRX, 8, 16385), parameter);
    assert_int_equal(bed_create_2d(bed, 1, BGRX, 4096, 4096), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);
    assert_int_equal(bed_create_2d(bed, 1, BGRX, 8, 8), OK);
    assert_int_equal(bed_create_2d(bed, 1, BGRX, 8, 8), id);

    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 8, 8), 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(bed_attach(bed, 2, &page, 1), id);
    assert_int_equal(bed_attach(bed, 1, &outside, 1), parameter);
    assert_int_equal(bed_attach(bed, 1, &wraps, 1), parameter);
    assert_int_equal(bed_attach(bed, 1, &empty, 1), parameter);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_DETACH_BACKING, 1),
                     VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(bed_attach(bed, 1, &page, 1), OK);
    assert_int_equal(bed_attach(bed, 1, &page, 1), VIRTIO_GPU_RESP_ERR_UNSPEC);

    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 9, 8), 0), parameter);
    assert_int_equal(bed_transfer(bed, 1, rect(1, UINT32_MAX, 1, 2), 0), parameter);
    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 8, 8), 4096 - 255), parameter);
    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 8, 8), UINT64_MAX - 7), parameter);
    assert_int_equal(bed_transfer(bed, 1, rect(0, 0, 8, 8), 4096 - 256), OK);

    assert_int_equal(bed_set_scanout(bed, 2, 1, rect(0, 0, 8, 8)),
                     VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
    assert_int_equal(bed_set_scanout(bed, 0, 7, rect(0, 0, 8, 8)), id);
    assert_int_equal(bed_set_scanout(bed, 0, 1, rect(0, 0, 8, 9)), parameter);
    assert_int_equal(bed_set_scanout(bed, 0, 1, rect(UINT32_MAX, 0, 2, 2)), parameter);
    assert_int_equal(bed_flush(bed, 7, rect(0, 0, 8, 8)), id);
    assert_int_equal(bed_flush(bed, 1, rect(0, 1, 8, 8)), parameter);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 8, 8)), OK);
    assert_int_equal(bed->n_frames, 0);

    assert_int_equal(bed_create_blob(bed, 0, 4096, &page, 1), id);
    assert_int_equal(bed_create_blob(bed, 1, 4096, &page, 1), id);
    assert_int_equal(bed_create_blob(bed, 2, 0, &page, 1), parameter);
    assert_int_equal(bed_create_blob(bed, 2, 4097, &page, 1), parameter);
    assert_int_equal(bed_create_blob(bed, 2, 4096, &outside, 1), parameter);
    assert_int_equal(bed_create_blob(bed, 2, 4096, &page, 1), OK);
    assert_int_equal(bed_set_scanout(bed, 0, 2, rect(0, 0, 8, 8)), parameter);
    assert_int_equal(bed_set_scanout_blob(bed, 2, 2, 32, 32),
                     VIRTIO_GPU_RESP_ERR_INVALID_SCANOUT_ID);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 1, 32, 32), id);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 2, 32, 33), parameter);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 2, 32, 32), OK);

    assert_int_equal(bed_update_cursor(bed, 9, 0, 0, 0, 0), id);
    assert_int_equal(bed_update_cursor(bed, 1, 0, 0, 0, 0), parameter);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 9), id);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_CTX_DESTROY, 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(bed_simple(bed, 0x1ff, 0), VIRTIO_GPU_RESP_ERR_UNSPEC);
}

static void what_was_not_negotiated_is_refused(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry page = { .addr = BED_PIXELS_GPA, .length = 4096 };
    struct virtio_gpu_cmd_get_edid cmd = { .hdr.type = VIRTIO_GPU_CMD_GET_EDID };

    bed->dev->features = 0;
    assert_int_equal(bed_create_blob(bed, 2, 4096, &page, 1), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(bed_set_scanout_blob(bed, 0, 0, 8, 8), VIRTIO_GPU_RESP_ERR_UNSPEC);
    assert_int_equal(
        bed_command(bed, BED_CONTROL, &cmd, sizeof(cmd), NULL, sizeof(struct virtio_gpu_resp_edid)),
        VIRTIO_GPU_RESP_ERR_UNSPEC);
}

static void host_memory_and_the_number_of_resources_are_limited(void **state)
{
    struct bed *bed = *state;
    unsigned n = 0;

    /* 16 MiB in all: 15 of 1 MiB and one of 1 MiB, and no more; what goes makes room. */
    while (bed_create_2d(bed, n + 1, BGRX, 512, 512) == OK)
        n++;
    assert_int_equal(n, 16);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 3), OK);
    assert_int_equal(bed_create_2d(bed, 100, BGRX, 512, 512), OK);
    assert_int_equal(bed_create_2d(bed, 101, BGRX, 1, 1), VIRTIO_GPU_RESP_ERR_OUT_OF_MEMORY);

    n = 0;
    while (bed_create_blob(bed, n + 1000, 4096, NULL, 0) == OK)
        n++;
    assert_int_equal(n, 4096 - 16);
}

static void turning_a_scanout_off_tells_the_display_once(void **state)
{
    struct bed *bed = *state;

    assert_int_equal(bed_set_scanout(bed, 0, 0, rect(0, 0, 0, 0)), OK);
    assert_int_equal(bed->n_disables, 0);
    host_resource(bed, BGRX, 8, 8);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 8, 8)), OK);
    assert_int_equal(bed_set_scanout(bed, 0, 0, rect(0, 0, 0, 0)), OK);
    assert_int_equal(bed_set_scanout(bed, 0, 0, rect(0, 0, 0, 0)), OK);
    assert_int_equal(bed->n_disables, 1);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 8, 8)), OK);
    assert_int_equal(bed->n_frames, 1);
}

static void a_resource_that_goes_takes_its_scanouts_along(void **state)
{
    struct bed *bed = *state;

    host_resource(bed, BGRX, 8, 8);
    assert_int_equal(bed_set_scanout(bed, 1, 1, rect(4, 4, 4, 4)), OK);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 8, 8)), OK);
    assert_int_equal(bed->n_frames, 2);
    assert_int_equal(bed->frame[1].scanout, 1);
    assert_int_equal(bed->frame[1].frame.source.x, 4);
    assert_int_equal(bed->frame[1].frame.source.width, 4);
    assert_int_equal(bed_simple(bed, VIRTIO_GPU_CMD_RESOURCE_UNREF, 1), OK);
    assert_int_equal(bed->n_disables, 2);
}

static void the_cursor_is_copied_with_its_alpha_and_hot_spot(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_mem_entry entry = { .addr = BED_PIXELS_GPA, .length = 64 * 64 * 4 };

    fill(bed, BED_PIXELS_GPA, 64 * 64, 0x80000000);
    assert_int_equal(bed_create_blob(bed, 1, 64 * 64 * 4, &entry, 1), OK);
    assert_int_equal(bed_update_cursor(bed, 1, 5, 200, 30, 40), OK);
    assert_int_equal(bed->n_cursors, 1);
    assert_int_equal(bed->cursor.hot_x, 5);
    assert_int_equal(bed->cursor.hot_y, 63);
    assert_int_equal(bed->cursor_x, 30);
    assert_int_equal(bed->cursor_y, 40);
    struct frame f = { .buffer = bed->cursor.buffer };
    assert_int_equal(f.buffer->fourcc, DRM_FORMAT_ARGB8888);
    assert_int_equal(bed_pixel(&f, 63, 63), 0x80000000 + 64 * 64 - 1);

    /* A host resource without alpha is opaque. */
    assert_int_equal(bed_create_2d(bed, 2, BGRX, 64, 64), OK);
    assert_int_equal(bed_attach(bed, 2, &entry, 1), OK);
    assert_int_equal(bed_transfer(bed, 2, rect(0, 0, 64, 64), 0), OK);
    assert_int_equal(bed_update_cursor(bed, 2, 0, 0, 0, 0), OK);
    f.buffer = bed->cursor.buffer;
    assert_int_equal(bed_pixel(&f, 1, 0), 0xff000001);

    assert_int_equal(bed_update_cursor(bed, 0, 0, 0, 0, 0), OK);
    assert_null(bed->cursor.buffer);
    assert_int_equal(bed->n_cursors, 3);
}

static void the_cursor_queue_needs_no_room_for_an_answer(void **state)
{
    struct bed *bed = *state;
    struct virtio_gpu_update_cursor cmd = {
        .hdr.type = VIRTIO_GPU_CMD_MOVE_CURSOR,
        .pos = { .x = 7, .y = (uint32_t)-3 },
    };
    struct bed_pending p = bed_submit(bed, BED_CURSOR, &cmd, sizeof(cmd), 0);
    assert_true(bed_answered(bed, &p, NULL));
    assert_int_equal(bed->cursor_x, 7);
    assert_int_equal(bed->cursor_y, -3);
}

static void stopping_forgets_everything(void **state)
{
    struct bed *bed = *state;

    host_resource(bed, BGRX, 8, 8);
    assert_int_equal(bed_flush(bed, 1, rect(0, 0, 8, 8)), OK);
    bed->dev->ops->stop(bed->dev);
    assert_int_equal(bed->n_disables, 1);
    assert_int_equal(bed_create_2d(bed, 1, BGRX, 8, 8), OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, bed_set_up, bed_tear_down)
        TEST(display_info_tells_the_modes),
        TEST(a_new_mode_changes_edid_and_raises_one_event),
        TEST(a_monitor_is_plugged_in_and_out),
        TEST(an_upload_and_a_flush_show_the_guests_pixels),
        TEST(every_format_shows_the_same_colour),
        TEST(a_scattered_backing_is_read_in_its_order),
        TEST(each_mistake_has_its_error),
        TEST(what_was_not_negotiated_is_refused),
        TEST(host_memory_and_the_number_of_resources_are_limited),
        TEST(turning_a_scanout_off_tells_the_display_once),
        TEST(a_resource_that_goes_takes_its_scanouts_along),
        TEST(the_cursor_is_copied_with_its_alpha_and_hot_spot),
        TEST(the_cursor_queue_needs_no_room_for_an_answer),
        TEST(stopping_forgets_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
