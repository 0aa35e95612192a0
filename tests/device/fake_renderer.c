// SPDX-License-Identifier: MIT
#include "tests/device/fake_renderer.h"

#include <drm_fourcc.h>
#include <errno.h>
#include <sys/eventfd.h>

#include "gpu/buffer.h"
#include "gpu/imports.h"
#include "gpu/resource.h"
#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

static struct fake_renderer *from_backend(struct gpu_backend *backend)
{
    return container_of(backend, struct fake_renderer, backend);
}

static struct fake_renderer *from_painter(struct gpu_painter *painter)
{
    return container_of(painter, struct fake_renderer, painter);
}

static int create(struct gpu_backend *backend, struct gpu_resource *r)
{
    struct fake_renderer *fake = from_backend(backend);

    r->layout.stride = r->layout.width * 4;
    r->host = fake;
    r->texture = r->id;
    r->y_inverted = fake->inverted;
    fake->textures++;
    return 0;
}

static void destroy(struct gpu_backend *backend, struct gpu_resource *r)
{
    from_backend(backend)->textures--;
}

static void finish(struct gpu_backend *backend)
{
    struct fake_renderer *fake = from_backend(backend);

    assert_int_equal(fake->textures, 0);
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++)
        assert_false(fake->kept[i]);
    if (fake->fast)
        loop_prepare_remove(&fake->prepare);
}

static const char *renderer(struct gpu_backend *backend)
{
    return "nobody";
}

static bool capset(struct gpu_backend *backend, unsigned index, struct gpu_capset *set)
{
    return false;
}

static int attach(struct gpu_backend *backend, const struct guest_mem *mem, struct gpu_resource *r)
{
    return 0;
}

static void detach(struct gpu_backend *backend, struct gpu_resource *r)
{
}

static int context_create(struct gpu_backend *backend, uint32_t ctx, uint32_t capset_id,
                          const char *name, size_t len)
{
    return 0;
}

static void context_destroy(struct gpu_backend *backend, uint32_t ctx)
{
}

static int submit(struct gpu_backend *backend, uint32_t ctx, uint32_t *words, uint32_t n_words)
{
    from_backend(backend)->submits++;
    return 0;
}

static int upload(struct gpu_backend *backend, const struct guest_mem *mem, struct gpu_resource *r,
                  const struct frame_rect *rect, uint64_t offset)
{
    return 0;
}

static int fence(struct gpu_backend *backend, uint32_t serial)
{
    struct fake_renderer *fake = from_backend(backend);

    if (fake->no_fences)
        return -ENOMEM;
    fake->made = serial;
    return 0;
}

static int sync_file(struct gpu_backend *backend)
{
    return from_backend(backend)->sync_files ? eventfd(0, EFD_CLOEXEC) : -1;
}

static const struct gpu_render_ops render_ops = {
    .renderer = renderer,
    .capset = capset,
    .context_create = context_create,
    .context_destroy = context_destroy,
    .submit = submit,
    .attach = attach,
    .detach = detach,
    .fence = fence,
    .sync_file = sync_file,
};

static const struct gpu_backend_ops backend_ops = {
    .name = "fake",
    .render = &render_ops,
    .create = create,
    .destroy = destroy,
    .transfer = upload,
    .finish = finish,
};

static struct gpu_buffer *make_buffer(struct fake_renderer *fake, enum frame_path path,
                                      uint32_t width, uint32_t height, uint64_t modifier)
{
    struct frame_buffer what = {
        .kind = FRAME_BUFFER_DMABUF,
        .path = path,
        .width = width,
        .height = height,
        .fourcc = DRM_FORMAT_XRGB8888,
        .modifier = modifier,
        .n_planes = 1,
        .plane[0] = { .fd = fd_memfd_sealed("fake", ALIGN_UP((uint64_t)width * height * 4, 4096u)),
                      .stride = width * 4 },
    };
    return gpu_buffer_create(fake->site.owner, &what);
}

static struct gpu_buffer *export(struct gpu_painter *painter, const struct gpu_resource *r,
                                 const char **why)
{
    struct fake_renderer *fake = from_painter(painter);

    fake->exports++;
    if (!fake->no_export)
        return make_buffer(fake, FRAME_PATH_TEXTURE, r->layout.width, r->layout.height,
                           fake->modifier);
    *why = "this one is not exported";
    return NULL;
}

static struct gpu_buffer *target(struct gpu_painter *painter, uint32_t width, uint32_t height,
                                 const struct imports *imports, const char **why)
{
    struct fake_renderer *fake = from_painter(painter);

    fake->targets++;
    if (!fake->no_target)
        return make_buffer(fake, FRAME_PATH_BLIT, width, height,
                           imports_of(imports, DRM_FORMAT_XRGB8888)->modifier[0]);
    *why = "there is nothing to blit to";
    return NULL;
}

static void record(struct fake_renderer *fake, const struct gpu_resource *r,
                   const struct frame_rect *source, const struct damage *damage)
{
    assert_true(r->texture && rect_within(source, r->layout.width, r->layout.height));
    for (unsigned i = 0; i < damage->n; i++)
        assert_true(rect_within(&damage->rect[i], source->width, source->height));
    fake->texture = r->texture;
    fake->source = *source;
    fake->damage = *damage;
    fake->entered++;
}

static bool blit(struct gpu_painter *painter, const struct gpu_resource *r,
                 const struct frame_rect *source, const struct damage *damage,
                 struct gpu_buffer *buffer)
{
    struct fake_renderer *fake = from_painter(painter);

    assert_int_equal(buffer->base.path, FRAME_PATH_BLIT);
    assert_int_equal(buffer->base.locks, 0);
    record(fake, r, source, damage);
    fake->blits++;
    return !fake->no_blit;
}

static bool fetch(struct gpu_painter *painter, unsigned slot, const struct gpu_resource *r,
                  const struct frame_rect *source, const struct damage *damage)
{
    struct fake_renderer *fake = from_painter(painter);

    record(fake, r, source, damage);
    fake->kept[slot] = true;
    fake->fetches++;
    return !fake->no_fetch;
}

static uint64_t fetched(struct gpu_painter *painter, unsigned slot, const struct damage *damage,
                        struct gpu_buffer *shm)
{
    struct fake_renderer *fake = from_painter(painter);

    assert_int_equal(shm->base.locks, 0);
    assert_true(fake->kept[slot]);
    fake->damage = *damage;
    fake->copies++;
    return fake->no_copy ? 0 : damage_area(damage) * 4;
}

static void drop(struct gpu_painter *painter, unsigned slot)
{
    from_painter(painter)->kept[slot] = false;
}

static void leave(struct gpu_painter *painter)
{
    from_painter(painter)->entered = 0;
}

static bool read_pixels(struct gpu_painter *painter, const struct gpu_resource *r, uint32_t width,
                        uint32_t height, uint32_t *pixels)
{
    from_painter(painter)->reads++;
    for (uint32_t i = 0; i < width * height; i++)
        pixels[i] = 0xff000000 | i;
    return true;
}

static const struct gpu_painter_ops painter_ops = {
    .export = export,
    .target = target,
    .blit = blit,
    .fetch = fetch,
    .fetched = fetched,
    .drop = drop,
    .leave = leave,
    .read = read_pixels,
};

static void on_prepare(struct loop_prepare *prepare)
{
    struct fake_renderer *fake = container_of(prepare, struct fake_renderer, prepare);
    fake->site.events->fenced(fake->site.events, fake->made);
}

static struct gpu_backend *make(struct gpu_backend_maker *maker,
                                const struct gpu_backend_site *site)
{
    struct fake_renderer *fake = container_of(maker, struct fake_renderer, maker);
    fake->site = *site;
    site->owner->memory_max = UINT64_MAX;
    if (fake->fast)
        loop_prepare_add(site->loop, &fake->prepare, on_prepare);
    return &fake->backend;
}

void fake_renderer_init(struct fake_renderer *fake)
{
    *fake = (struct fake_renderer){
        .backend = { .ops = &backend_ops, .painter = &fake->painter },
        .painter.ops = &painter_ops,
        .maker.make = make,
    };
}

void fake_signal(struct fake_renderer *fake)
{
    assert_int_equal(fake->entered, 0);
    fake->site.events->fenced(fake->site.events, fake->made);
}
