// SPDX-License-Identifier: MIT
#include "gpu/gl/virgl.h"

#include <errno.h>
#include <linux/virtio_gpu.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define LOG_MODULE "gl"
#include "gpu/buffer.h"
#include "gpu/gl/painter.h"
#include "gpu/gl/virgl_internal.h"
#include "gpu/resource.h"
#include "vmm/base/log.h"

static const uint32_t capset_ids[] = { VIRTIO_GPU_CAPSET_VIRGL, VIRTIO_GPU_CAPSET_VIRGL2 };

int virgl_error(int err)
{
    if (err == 0)
        return 0;
    return abs(err) == ENOMEM ? -ENOMEM : -EINVAL;
}

void virgl_use_host_context(struct virgl *v)
{
    if (v->guest_current)
        virgl_renderer_force_ctx_0();
    v->guest_current = false;
}

/* Most of what it says is of the guest's making, and much of it no mistake. */
void virgl_message(const char *text)
{
    int len = (int)strlen(text);
    while (len > 0 && (text[len - 1] == '\n' || text[len - 1] == ' '))
        len--;
    if (len > 0)
        log_debug("virglrenderer: %.*s", len, text);
}

/* What virglrenderer asks for. Its fence thread has a context too, and makes it current. */

static virgl_renderer_gl_context create_context(void *cookie, int scanout,
                                                struct virgl_renderer_gl_ctx_param *param)
{
    struct virgl *v = cookie;
    return egl_create_context(&v->egl, param->major_ver, param->minor_ver);
}

static void destroy_context(void *cookie, virgl_renderer_gl_context context)
{
    struct virgl *v = cookie;
    egl_destroy_context(&v->egl, context);
}

static int make_current(void *cookie, int scanout, virgl_renderer_gl_context context)
{
    struct virgl *v = cookie;
    return egl_make_current(&v->egl, context) ? 0 : -EIO;
}

static void *get_egl_display(void *cookie)
{
    struct virgl *v = cookie;
    return v->egl.display;
}

/* In virgl_renderer_poll(), which is no place to call it from again. */
static void fence_signalled(void *cookie, uint32_t fence)
{
    struct virgl *v = cookie;
    v->signalled = fence;
}

static void on_fences(struct loop_fd *source, uint32_t events)
{
    struct virgl *v = container_of(source, struct virgl, fences);

    v->signalled = 0;
    virgl_renderer_poll();
    v->guest_current = true; /* it looks at queries, in their contexts */
    if (v->signalled)
        v->events->fenced(v->events, v->signalled);
}

/* What the device asks for. */

static const char *renderer(struct gpu_backend *backend)
{
    return virgl_of(backend)->egl.renderer;
}

static bool capset(struct gpu_backend *backend, unsigned index, struct gpu_capset *set)
{
    if (index >= ARRAY_LEN(capset_ids))
        return false;
    *set = (struct gpu_capset){ .id = capset_ids[index] };
    virgl_renderer_get_cap_set(set->id, &set->max_version, &set->max_size);
    return set->max_size > 0 && set->max_size <= GPU_CAPSET_MAX;
}

static void capset_data(struct gpu_backend *backend, const struct gpu_capset *set, uint32_t version,
                        void *data)
{
    virgl_use_host_context(virgl_of(backend));
    virgl_renderer_fill_caps(set->id, version, data);
}

static int context_create(struct gpu_backend *backend, uint32_t ctx, uint32_t capset_id,
                          const char *name, size_t len)
{
    virgl_of(backend)->guest_current = true;
    return virgl_error(virgl_renderer_context_create_with_flags(
        ctx, capset_id ? capset_id : VIRTIO_GPU_CAPSET_VIRGL2, (uint32_t)len, name));
}

static void context_destroy(struct gpu_backend *backend, uint32_t ctx)
{
    virgl_of(backend)->guest_current = true;
    virgl_renderer_context_destroy(ctx);
}

/* virglrenderer 0.10.4 notes a blob as often as it is attached, and forgets it once when it goes. */
static void context_attach(struct gpu_backend *backend, uint32_t ctx, struct gpu_resource *r)
{
    if (r->kind == RESOURCE_GUEST_BLOB)
        virgl_renderer_ctx_detach_resource((int)ctx, (int)r->id);
    virgl_renderer_ctx_attach_resource((int)ctx, (int)r->id);
}

static void context_detach(struct gpu_backend *backend, uint32_t ctx, struct gpu_resource *r)
{
    virgl_of(backend)->guest_current = true;
    virgl_renderer_ctx_detach_resource((int)ctx, (int)r->id);
}

/* Each command's first word has the number of those that follow it in its upper half. virglrenderer runs
 * all before the one that is cut, and calls that no mistake. */
static bool ends_with_a_command(const uint32_t *words, uint32_t n_words)
{
    uint64_t at = 0;
    while (at < n_words)
        at += (words[at] >> 16) + 1;
    return at == n_words;
}

static int submit(struct gpu_backend *backend, uint32_t ctx, uint32_t *words, uint32_t n_words)
{
    if (!ends_with_a_command(words, n_words))
        return -EINVAL;
    virgl_of(backend)->guest_current = true;
    return virgl_error(virgl_renderer_submit_cmd(words, (int)ctx, (int)n_words));
}

static int fence(struct gpu_backend *backend, uint32_t serial)
{
    return virgl_error(virgl_renderer_create_fence((int)serial, 0));
}

static int sync_file(struct gpu_backend *backend)
{
    return egl_sync_file(&virgl_of(backend)->egl);
}

static void finish(struct gpu_backend *backend)
{
    struct virgl *v = virgl_of(backend);

    loop_fd_remove(&v->fences);
    painter_destroy(v->base.painter);
    virgl_renderer_cleanup(v);
    egl_finish(&v->egl);
    free(v);
}

static const struct gpu_render_ops render_ops = {
    .renderer = renderer,
    .capset = capset,
    .capset_data = capset_data,
    .context_create = context_create,
    .context_destroy = context_destroy,
    .context_attach = context_attach,
    .context_detach = context_detach,
    .create = virgl_create_3d,
    .attach = virgl_attach,
    .detach = virgl_detach,
    .transfer = virgl_transfer_3d,
    .submit = submit,
    .fence = fence,
    .sync_file = sync_file,
};

static const struct gpu_backend_ops virgl_ops = {
    .name = "virgl",
    .render = &render_ops,
    .create = virgl_create_2d,
    .destroy = virgl_destroy,
    .transfer = virgl_transfer_2d,
    .finish = finish,
};

/* NULL, or why virglrenderer does not start. */
static const char *start(struct virgl *v, struct loop *loop)
{
    virgl_compat_log();
    if (virgl_renderer_init(v, VIRGL_RENDERER_THREAD_SYNC, &v->callbacks) != 0)
        return "virglrenderer can't use it";
    int fd = virgl_renderer_get_poll_fd();
    if (fd < 0 || loop_fd_add(loop, &v->fences, fd, EPOLLIN, on_fences) < 0) {
        virgl_renderer_cleanup(v);
        return "virglrenderer has no thread for its fences";
    }
    return NULL;
}

static uint64_t half_of_the_hosts(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), bytes = sysconf(_SC_PAGESIZE);
    return pages > 0 && bytes > 0 ? (uint64_t)pages * (uint64_t)bytes / 2 : 1ull << 30;
}

static struct gpu_backend *make(struct gpu_backend_maker *base, const struct gpu_backend_site *site)
{
    struct virgl_maker *maker = container_of(base, struct virgl_maker, base);
    struct virgl *v = calloc(1, sizeof(*v));
    const char *why = "out of memory";

    if (!v)
        goto error;
    v->base.ops = &virgl_ops;
    v->events = site->events;
    v->guest_current = true;
    v->owner = site->owner;
    v->owner->memory_max = site->memory_max ? site->memory_max : half_of_the_hosts();
    v->callbacks = (struct virgl_renderer_callbacks){
        .version = 4,
        .write_fence = fence_signalled,
        .create_gl_context = create_context,
        .destroy_gl_context = destroy_context,
        .make_current = make_current,
    };
    why = egl_init(&v->egl, maker->render_node) < 0 ? v->egl.why : NULL;
    if (why)
        goto error;
    /* With the display, virglrenderer's thread waits for fences of the kernel's. To make one, llvmpipe
     * flushes every context there is, without a lock: the one that is being drawn with as well. Without,
     * it takes GL's own. */
    if (!v->egl.software)
        v->callbacks.get_egl_display = get_egl_display;
    why = start(v, site->loop);
    if (why)
        goto no_renderer;
    v->base.painter = painter_create(&v->egl, site->owner);
    if (v->base.painter)
        return &v->base;
    why = "textures can't be shown";
    loop_fd_remove(&v->fences);
    virgl_renderer_cleanup(v);
no_renderer:
    egl_finish(&v->egl);
error:
    if (maker->required)
        log_error("no usable OpenGL: %s; --gpu backend=2d works without", why);
    else
        log_info("no usable OpenGL: %s; the guest has 2D graphics", why);
    maker->failed = true;
    free(v);
    return NULL;
}

void virgl_maker_init(struct virgl_maker *maker, const char *render_node, bool required)
{
    *maker = (struct virgl_maker){
        .base.make = make,
        .render_node = render_node,
        .required = required,
    };
}
