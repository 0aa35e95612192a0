// SPDX-License-Identifier: MIT
#include "tests/device/virgl_bed.h"

#include <epoxy/egl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/gl/virgl.h"
#include "tests/device/gl_loaded.h"
#include "tests/device/udmabuf_standin.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

static struct virgl_maker maker;

int virgl_bed_create(void **state)
{
    struct virtio_gpu_options options = { .n_scanouts = 2,
                                          .maker = &maker.base,
                                          .host_memory_max = VIRGL_BED_MEMORY };

    udmabuf_standin();
    virgl_maker_init(&maker, "surfaceless", true);
    struct bed *bed = bed_create(&options);
    if (maker.failed) {
        printf("no OpenGL here\n");
        exit(77);
    }
    gl_stays_loaded();
    *state = bed;
    return 0;
}

int virgl_bed_destroy(void **state)
{
    bed_destroy(*state);
    return 0;
}

int virgl_bed_start(void **state)
{
    bed_start(*state);
    return 0;
}

int virgl_bed_stop(void **state)
{
    struct bed *bed = *state;
    unsigned broken = bed->broken;
    bed_stop(bed);
    assert_int_equal(broken, 0);
    return 0;
}

bool virgl_bed_exports(void)
{
    return epoxy_has_egl_extension(eglGetCurrentDisplay(), "EGL_MESA_image_dma_buf_export");
}

void guest_wait(struct bed *bed, const struct bed_pending *pending,
                struct virtio_gpu_ctrl_hdr *response)
{
    while (!bed_answered(bed, pending, response))
        loop_run_once(bed->loop, -1);
}

uint32_t guest_command(struct bed *bed, const void *cmd, size_t len)
{
    struct virtio_gpu_ctrl_hdr response = { 0 };
    struct bed_pending pending = bed_submit(bed, BED_CONTROL, cmd, len, sizeof(response));

    guest_wait(bed, &pending, &response);
    return response.type;
}

uint32_t guest_context(struct bed *bed, uint32_t ctx)
{
    struct virtio_gpu_ctx_create cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_CTX_CREATE, .ctx_id = ctx },
        .nlen = 4,
        .debug_name = "test",
    };
    return guest_command(bed, &cmd, sizeof(cmd));
}

uint32_t guest_simple(struct bed *bed, uint32_t type, uint32_t ctx, uint32_t resource)
{
    struct virtio_gpu_ctx_resource cmd = {
        .hdr = { .type = type, .ctx_id = ctx },
        .resource_id = resource,
    };
    return guest_command(bed, &cmd, sizeof(cmd));
}

uint32_t guest_create_3d(struct bed *bed, const struct virtio_gpu_resource_create_3d *args)
{
    struct virtio_gpu_resource_create_3d cmd = *args;
    cmd.hdr.type = VIRTIO_GPU_CMD_RESOURCE_CREATE_3D;
    return guest_command(bed, &cmd, sizeof(cmd));
}

static uint32_t create_picture(struct bed *bed, uint32_t id, uint32_t width, uint32_t height,
                               uint32_t bind)
{
    return guest_create_3d(bed, &(struct virtio_gpu_resource_create_3d){
                                    .resource_id = id,
                                    .target = TARGET_2D,
                                    .format = FORMAT_BGRA,
                                    .bind = BIND_RENDER_TARGET | BIND_SAMPLER_VIEW | bind,
                                    .width = width,
                                    .height = height,
                                    .depth = 1,
                                    .array_size = 1,
                                    .flags = FLAG_Y_0_TOP,
                                });
}

uint32_t guest_texture(struct bed *bed, uint32_t id, uint32_t width, uint32_t height)
{
    return create_picture(bed, id, width, height, 0);
}

uint32_t guest_screen(struct bed *bed, uint32_t id, uint32_t width, uint32_t height)
{
    return create_picture(bed, id, width, height, BIND_SCANOUT);
}

uint32_t guest_transfer(struct bed *bed, uint32_t ctx, uint32_t id, uint32_t width, uint32_t height,
                        bool to_host)
{
    struct virtio_gpu_transfer_host_3d cmd = {
        .hdr = { .type = to_host ? VIRTIO_GPU_CMD_TRANSFER_TO_HOST_3D
                                 : VIRTIO_GPU_CMD_TRANSFER_FROM_HOST_3D,
                 .ctx_id = ctx },
        .box = { .w = width, .h = height, .d = 1 },
        .resource_id = id,
        .stride = width * 4,
    };
    return guest_command(bed, &cmd, sizeof(cmd));
}

static struct bed_pending submit(struct bed *bed, uint32_t ctx, const uint32_t *words, size_t n,
                                 uint32_t flags, uint64_t fence)
{
    struct virtio_gpu_cmd_submit cmd = {
        .hdr = { .type = VIRTIO_GPU_CMD_SUBMIT_3D,
                 .flags = flags,
                 .fence_id = fence,
                 .ctx_id = ctx },
        .size = (uint32_t)(n * sizeof(*words)),
    };
    char all[4096];

    assert_true(sizeof(cmd) + cmd.size <= sizeof(all));
    memcpy(all, &cmd, sizeof(cmd));
    if (n > 0)
        memcpy(all + sizeof(cmd), words, cmd.size);
    return bed_submit(bed, BED_CONTROL, all, sizeof(cmd) + cmd.size,
                      sizeof(struct virtio_gpu_ctrl_hdr));
}

uint32_t guest_submit(struct bed *bed, uint32_t ctx, const uint32_t *words, size_t n)
{
    struct virtio_gpu_ctrl_hdr response = { 0 };
    struct bed_pending pending = submit(bed, ctx, words, n, 0, 0);

    guest_wait(bed, &pending, &response);
    return response.type;
}

struct bed_pending guest_submit_fenced(struct bed *bed, uint32_t ctx, const uint32_t *words,
                                       size_t n, uint64_t fence)
{
    return submit(bed, ctx, words, n, VIRTIO_GPU_FLAG_FENCE, fence);
}

static uint32_t header(uint32_t command, uint32_t object, uint32_t words)
{
    return command | object << 8 | words << 16;
}

static uint32_t bits(float value)
{
    uint32_t out;
    memcpy(&out, &value, sizeof(out));
    return out;
}

void guest_clear_words(uint32_t words[CLEAR_WORDS], uint32_t surface, uint32_t texture, float red,
                       float green, float blue)
{
    enum { CREATE_OBJECT = 1, SET_FRAMEBUFFER = 5, CLEAR = 7 };
    enum { OBJECT_SURFACE = 8, CLEAR_COLOR0 = 1 << 2 };
    const uint32_t all[CLEAR_WORDS] = {
        /* handle, texture, format, level, layers */
        header(CREATE_OBJECT, OBJECT_SURFACE, 5),
        surface,
        texture,
        FORMAT_BGRA,
        0,
        0,
        /* number of colour buffers, depth, the first */
        header(SET_FRAMEBUFFER, 0, 3),
        1,
        0,
        surface,
        /* which, red, green, blue, alpha, depth (2), stencil */
        header(CLEAR, 0, 8),
        CLEAR_COLOR0,
        bits(red),
        bits(green),
        bits(blue),
        bits(1),
        0,
        0,
        0,
    };
    memcpy(words, all, sizeof(all));
}

void guest_blit_words(uint32_t words[BLIT_WORDS], uint32_t to, uint32_t to_side, uint32_t from,
                      uint32_t from_side)
{
    enum { BLIT = 16, ALL_COLOURS = 0xf, LINEAR = 1 << 8 };
    const uint32_t blit[BLIT_WORDS] = {
        BLIT | (BLIT_WORDS - 1) << 16,
        ALL_COLOURS | LINEAR,
        0,
        0,
        /* texture, level, format, x, y, z, width, height, depth */
        to,
        0,
        FORMAT_BGRA,
        0,
        0,
        0,
        to_side,
        to_side,
        1,
        from,
        0,
        FORMAT_BGRA,
        0,
        0,
        0,
        from_side,
        from_side,
        1,
    };
    memcpy(words, blit, sizeof(blit));
}

void guest_scene(struct bed *bed, uint32_t ctx, uint32_t texture, uint32_t width, uint32_t height)
{
    struct virtio_gpu_mem_entry pages = { .addr = BED_PIXELS_GPA, .length = width * height * 4 };

    assert_int_equal(guest_context(bed, ctx), VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(guest_texture(bed, texture, width, height), VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(bed_attach(bed, texture, &pages, 1), VIRTIO_GPU_RESP_OK_NODATA);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, ctx, texture),
                     VIRTIO_GPU_RESP_OK_NODATA);
}
