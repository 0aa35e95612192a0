// SPDX-License-Identifier: MIT
/*
 * Textures as pictures (gpu/gl/painter.h), on the DRM node that is named, or surfaceless: what can be
 * tried depends on the driver. Exports and blits are looked at through the dmabuf, as a display would.
 *
 *     device_textures [NODE [export] [blit] [es]]    the words: what has to be so there
 */
#include <drm_fourcc.h>
#include <epoxy/gl.h>
#include <linux/dma-buf.h>
#include <linux/virtio_gpu.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gpu/buffer.h"
#include "gpu/gl/egl.h"
#include "gpu/gl/painter.h"
#include "gpu/imports.h"
#include "gpu/painter.h"
#include "gpu/resource.h"
#include "tests/device/check.h"
#include "tests/device/gl_loaded.h"
#include "tests/fds.h"

#define W 96u
#define H 64u

static struct egl egl;
static struct gpu_painter *painter;
static struct gpu_buffer_owner owner;
static const struct display_format offered[] = {
    { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_LINEAR },
    { DRM_FORMAT_XRGB8888, DRM_FORMAT_MOD_INVALID },
};

static void on_released(struct gpu_buffer_owner *o, struct gpu_buffer *buffer)
{
}

/* The colour of a picture at a place, opaque; every place has its own. */
static uint32_t colour(uint32_t x, uint32_t y, uint32_t blue)
{
    return 0xff000000 | x << 16 | y << 8 | blue;
}

/* Draws a picture of colour(x, y, blue) to the texture that is bound. */
static void fill(bool inverted, uint32_t blue)
{
    static uint8_t pixels[H * W][4];

    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++) {
            uint8_t *p = pixels[(inverted ? H - 1 - y : y) * W + x];
            uint32_t c = colour(x, y, blue);
            p[0] = (uint8_t)(c >> 16);
            p[1] = (uint8_t)(c >> 8);
            p[2] = (uint8_t)c;
            p[3] = 0xff;
        }
    glTexSubImage2D(GL_TEXTURE_2D, 0, 0, 0, W, H, GL_RGBA, GL_UNSIGNED_BYTE, pixels);
}

/* A texture whose picture is colour(x, y, 0x5a), drawn in the root context as virglrenderer would. */
static struct gpu_resource make_texture(bool inverted)
{
    struct gpu_resource r = {
        .kind = RESOURCE_HOST,
        .layout = { .width = W, .height = H, .format = VIRTIO_GPU_FORMAT_B8G8R8X8_UNORM },
        .y_inverted = inverted,
    };

    glGenTextures(1, &r.texture);
    glBindTexture(GL_TEXTURE_2D, r.texture);
    glTexStorage2D(GL_TEXTURE_2D, 1, GL_RGBA8, W, H);
    fill(inverted, 0x5a);
    return r;
}

/* The guest draws: all of the picture gets another blue. */
static void redraw(const struct gpu_resource *r, uint32_t blue)
{
    glBindTexture(GL_TEXTURE_2D, r->texture);
    fill(r->y_inverted, blue);
    glFinish();
}

static void drop_texture(struct gpu_resource *r)
{
    glDeleteTextures(1, &r->texture);
}

static void wait_for_gpu(void)
{
    int fd = egl_sync_file(&egl);
    struct pollfd p = { .fd = fd, .events = POLLIN };

    CHECK((fd >= 0) == egl.native_fence);
    if (fd < 0) {
        glFinish();
        return;
    }
    CHECK(poll(&p, 1, 5000) == 1 && (p.revents & POLLIN));
    close(fd);
}

/* A pixel of what a display has got, as XRGB8888. */
static uint32_t shown(const struct gpu_buffer *b, const char *map, uint32_t x, uint32_t y)
{
    const struct frame_plane *plane = &b->base.plane[0];
    uint32_t p;

    memcpy(&p, map + plane->offset + (size_t)y * plane->stride + x * 4, sizeof(p));
    if (b->base.fourcc == DRM_FORMAT_XBGR8888)
        p = (p & 0xff00ff00) | (p & 0xff) << 16 | (p >> 16 & 0xff);
    else
        CHECK(b->base.fourcc == DRM_FORMAT_XRGB8888);
    return p & 0xffffff;
}

static const char *map_dmabuf(const struct gpu_buffer *b)
{
    size_t len = b->base.plane[0].offset + (size_t)b->base.plane[0].stride * H;
    const char *map = mmap(NULL, len, PROT_READ, MAP_SHARED, b->base.plane[0].fd, 0);

    CHECK(b->base.kind == FRAME_BUFFER_DMABUF && b->base.width == W && b->base.height == H);
    CHECK(b->base.modifier == DRM_FORMAT_MOD_LINEAR || b->base.modifier == DRM_FORMAT_MOD_INVALID);
    CHECK(map != MAP_FAILED);
    return map;
}

static void cpu_access(const struct gpu_buffer *b, uint64_t flags)
{
    struct dma_buf_sync sync = { .flags = flags | DMA_BUF_SYNC_READ };
    CHECK(ioctl(b->base.plane[0].fd, DMA_BUF_IOCTL_SYNC, &sync) == 0);
}

/* The renderer's context is as it was, with its bindings. */
static void check_context(void)
{
    GLint framebuffer = -1;

    CHECK(eglGetCurrentContext() == egl.context);
    glGetIntegerv(GL_READ_FRAMEBUFFER_BINDING, &framebuffer);
    CHECK(framebuffer == 0);
    CHECK(glGetError() == GL_NO_ERROR);
}

static void a_cursor_is_read_as_it_is_seen(bool inverted)
{
    struct gpu_resource r = make_texture(inverted);
    static uint32_t pixels[64 * 64];

    CHECK(painter->ops->read(painter, &r, 64, 64, pixels));
    for (uint32_t i = 0; i < 64 * 64; i++)
        CHECK(pixels[i] == colour(i % 64, i / 64, 0x5a));
    check_context();
    drop_texture(&r);
}

static void only_what_is_damaged_is_fetched(bool inverted)
{
    struct gpu_resource r = make_texture(inverted);
    struct gpu_buffer *shm = gpu_buffer_create_shm(&owner, 40, 30, DRM_FORMAT_XRGB8888);
    struct frame_rect source = { .x = 10, .y = 20, .width = 40, .height = 30 };
    struct damage damage = { .n = 2, .rect = { { 0, 0, 5, 7 }, { 30, 11, 10, 19 } } };

    CHECK(shm && painter->ops->fetch(painter, 3, &r, &source, &damage));
    wait_for_gpu();
    painter->ops->leave(painter);
    check_context();
    CHECK(painter->ops->fetched(painter, 3, &damage, shm) == (5 * 7 + 10 * 19) * 4);
    check_context();
    for (uint32_t y = 0; y < 30; y++)
        for (uint32_t x = 0; x < 40; x++) {
            bool in = (x < 5 && y < 7) || (x >= 30 && y >= 11);
            uint32_t p = ((uint32_t *)shm->map)[y * 40 + x];
            CHECK((p & 0xffffff) == (in ? colour(10 + x, 20 + y, 0x5a) & 0xffffff : 0));
        }
    painter->ops->drop(painter, 3);
    CHECK(painter->ops->fetched(painter, 3, &damage, shm) == 0);
    check_context();
    gpu_buffer_unref(shm);
    drop_texture(&r);
}

/* virglrenderer has GL's rectangles for Gallium's. They are not exported. */
static void a_rectangle_is_read_too(void)
{
    struct gpu_resource r = make_texture(false);
    static const uint8_t red[4] = { 0xff, 0, 0, 0xff };
    const char *why = NULL;
    uint32_t pixel = 0;

    drop_texture(&r);
    glGenTextures(1, &r.texture);
    glBindTexture(GL_TEXTURE_RECTANGLE, r.texture);
    glTexImage2D(GL_TEXTURE_RECTANGLE, 0, GL_RGBA8, 1, 1, 0, GL_RGBA, GL_UNSIGNED_BYTE, red);
    r.layout.width = r.layout.height = 1;
    CHECK(painter->ops->read(painter, &r, 1, 1, &pixel) && pixel == 0xffff0000);
    CHECK(!painter->ops->export(painter, &r, &why) && why);
    check_context();
    drop_texture(&r);
}

static void what_is_no_texture_is_an_error(void)
{
    struct gpu_resource r = make_texture(false);
    struct frame_rect source = { .width = W, .height = H };
    struct damage damage = { .n = 1, .rect = { source } };
    const char *why = NULL;
    uint32_t pixel;

    drop_texture(&r);
    CHECK(!painter->ops->export(painter, &r, &why) && why);
    CHECK(!painter->ops->read(painter, &r, 1, 1, &pixel));
    CHECK(!painter->ops->fetch(painter, 0, &r, &source, &damage));
    painter->ops->leave(painter);
    check_context();
}

static void an_export_shows_what_is_drawn_later(bool inverted)
{
    struct gpu_resource r = make_texture(inverted);
    const char *why = NULL;
    struct gpu_buffer *b = painter->ops->export(painter, &r, &why);

    check_context();
    CHECK(b && !why);
    CHECK(b->base.path == FRAME_PATH_TEXTURE);
    const char *map = map_dmabuf(b);
    for (uint32_t blue = 1; blue < 4; blue++) {
        redraw(&r, blue);
        cpu_access(b, DMA_BUF_SYNC_START);
        for (uint32_t y = 0; y < H; y++)
            for (uint32_t x = 0; x < W; x++)
                CHECK(shown(b, map, x, inverted ? H - 1 - y : y) ==
                      (colour(x, y, blue) & 0xffffff));
        cpu_access(b, DMA_BUF_SYNC_END);
    }
    if (!inverted)
        printf("exported as %.4s, modifier %#llx, stride %u\n", (const char *)&b->base.fourcc,
               (unsigned long long)b->base.modifier, b->base.plane[0].stride);
    gpu_buffer_unref(b);
    drop_texture(&r);
}

static void a_blit_brings_the_damaged_parts_up_to_date(bool inverted)
{
    struct gpu_resource r = make_texture(inverted);
    struct frame_rect source = { .width = W, .height = H };
    struct damage all = { .n = 1, .rect = { source } };
    struct damage part = { .n = 2, .rect = { { 3, 4, 20, 10 }, { 50, 40, 46, 24 } } };
    struct imports imports = { 0 };
    const char *why = NULL;

    imports_set(&imports, offered, 2);
    struct gpu_buffer *b = painter->ops->target(painter, W, H, &imports, &why);
    if (!b)
        printf("no target: %s\n", why);
    CHECK(b);
    CHECK(b->base.path == FRAME_PATH_BLIT && b->base.fourcc == DRM_FORMAT_XRGB8888);
    const char *map = map_dmabuf(b);
    CHECK(painter->ops->blit(painter, &r, &source, &all, b));
    wait_for_gpu();
    painter->ops->leave(painter);
    check_context();
    redraw(&r, 0x77);
    CHECK(painter->ops->blit(painter, &r, &source, &part, b));
    wait_for_gpu();
    painter->ops->leave(painter);
    cpu_access(b, DMA_BUF_SYNC_START);
    for (uint32_t y = 0; y < H; y++)
        for (uint32_t x = 0; x < W; x++) {
            bool in = (x >= 3 && x < 23 && y >= 4 && y < 14) || (x >= 50 && y >= 40);
            CHECK(shown(b, map, x, y) == (colour(x, y, in ? 0x77 : 0x5a) & 0xffffff));
        }
    cpu_access(b, DMA_BUF_SYNC_END);
    gpu_buffer_unref(b);
    drop_texture(&r);
}

static void formats_that_nobody_can_make_are_no_target(void)
{
    const struct display_format strange = { DRM_FORMAT_XRGB8888, fourcc_mod_code(ARM, 0x123456) };
    struct imports imports = { 0 };
    const char *why = NULL;

    imports_set(&imports, &strange, 1);
    CHECK(!painter->ops->target(painter, W, H, &imports, &why) && why);
    check_context();
}

int main(int argc, char **argv)
{
    bool must_export = false, must_blit = false, must_be_es = false;

    for (int i = 2; i < argc; i++) {
        must_export |= !strcmp(argv[i], "export");
        must_blit |= !strcmp(argv[i], "blit");
        must_be_es |= !strcmp(argv[i], "es");
    }
    if (egl_init(&egl, argc > 1 ? argv[1] : EGL_SURFACELESS) < 0) {
        printf("%s\n", egl.why);
        return argc > 1 ? 1 : 77;
    }
    gl_stays_loaded();
    owner.released = on_released;
    painter = painter_create(&egl, &owner);
    CHECK(painter);
    CHECK(egl.export_dmabuf || !must_export);
    CHECK(egl.gbm || !must_blit);
    CHECK(egl.gles || !must_be_es);
    printf("export: %d, import: %d, native fences: %d, GBM: %d\n", egl.export_dmabuf,
           egl.import_dmabuf, egl.native_fence, egl.gbm != NULL);

    unsigned before = 0;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned inverted = 0; inverted < 2; inverted++) {
            a_cursor_is_read_as_it_is_seen(inverted);
            only_what_is_damaged_is_fetched(inverted);
            if (egl.export_dmabuf)
                an_export_shows_what_is_drawn_later(inverted);
            if (egl.gbm && egl.import_dmabuf)
                a_blit_brings_the_damaged_parts_up_to_date(inverted);
        }
        if (!egl.gles)
            a_rectangle_is_read_too();
        what_is_no_texture_is_an_error();
        formats_that_nobody_can_make_are_no_target();
        if (round == 0) /* the driver keeps some from the first use on */
            before = count_fds();
    }
    CHECK(count_fds() == before);
    painter_destroy(painter);
    egl_finish(&egl);
    printf("all well\n");
    return 0;
}
