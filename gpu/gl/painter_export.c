// SPDX-License-Identifier: MIT
/* A texture as a dmabuf, by EGL_MESA_image_dma_buf_export. */
#include <fcntl.h>
#include <unistd.h>

#define LOG_MODULE "gl"
#include "gpu/buffer.h"
#include "gpu/format.h"
#include "gpu/gl/painter_internal.h"
#include "gpu/resource.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

/* What the driver says of the image's planes; NULL, or why that is no picture. */
static const char *describe(EGLDisplay display, EGLImageKHR image, struct frame_buffer *what)
{
    EGLuint64KHR modifiers[FRAME_MAX_PLANES] = { 0 };
    int fourcc = 0, n_planes = 0;

    if (!eglExportDMABUFImageQueryMESA(display, image, &fourcc, &n_planes, NULL))
        return "their format is not told";
    what->fourcc = format_opaque((uint32_t)fourcc);
    if (!what->fourcc) {
        log_debug("a texture is exported as format %.4s", (const char *)&fourcc);
        return "their format is not a screen's";
    }
    if (n_planes < 1 || n_planes > FRAME_MAX_PLANES)
        return "they have too many planes";
    if (!eglExportDMABUFImageQueryMESA(display, image, NULL, NULL, modifiers))
        return "their modifier is not told";
    what->n_planes = (unsigned)n_planes;
    what->modifier = modifiers[0];
    return NULL;
}

/* Planes that share a file come with one fd, and drivers are known to tell of the first plane only. */
static const char *export_planes(EGLDisplay display, EGLImageKHR image, struct frame_buffer *what)
{
    int fds[FRAME_MAX_PLANES] = { -1, -1, -1, -1 };
    EGLint strides[FRAME_MAX_PLANES] = { 0 }, offsets[FRAME_MAX_PLANES] = { 0 };
    bool ok = eglExportDMABUFImageMESA(display, image, fds, strides, offsets) && fds[0] >= 0;

    for (unsigned i = 0; i < what->n_planes; i++) {
        if (ok && fds[i] < 0)
            fds[i] = fcntl(fds[0], F_DUPFD_CLOEXEC, 0);
        ok = ok && fds[i] >= 0 && strides[i] > 0 && offsets[i] >= 0;
        what->plane[i] = (struct frame_plane){
            .fd = fds[i],
            .stride = (uint32_t)strides[i],
            .offset = (uint32_t)offsets[i],
        };
    }
    for (unsigned i = 0; i < FRAME_MAX_PLANES; i++)
        if (fds[i] >= 0 && (!ok || i >= what->n_planes))
            close(fds[i]);
    return ok ? NULL : "the driver does not export them";
}

struct gpu_buffer *painter_export(struct gpu_painter *base, const struct gpu_resource *resource,
                                  const char **why)
{
    static const EGLint attributes[] = { EGL_IMAGE_PRESERVED_KHR, EGL_TRUE, EGL_NONE };
    struct painter *p = container_of(base, struct painter, base);
    EGLDisplay display = p->egl->display;
    struct frame_buffer what = {
        .kind = FRAME_BUFFER_DMABUF,
        .path = FRAME_PATH_TEXTURE,
        .width = resource->layout.width,
        .height = resource->layout.height,
    };

    if (!p->egl->export_dmabuf) {
        *why = "EGL exports no textures here";
        return NULL;
    }
    if (!painter_enter(p, false)) {
        *why = "GL has failed";
        return NULL;
    }
    EGLImageKHR image =
        eglCreateImageKHR(display, p->context, EGL_GL_TEXTURE_2D_KHR,
                          (EGLClientBuffer)(uintptr_t)resource->texture, attributes);
    struct gpu_buffer *buffer = NULL;
    *why = "EGL makes no image of them";
    if (image != EGL_NO_IMAGE_KHR) {
        *why = describe(display, image, &what);
        if (!*why)
            *why = export_planes(display, image, &what);
        if (!*why)
            buffer = gpu_buffer_create(p->owner, &what);
        eglDestroyImageKHR(display, image);
    }
    painter_leave(p);
    if (!buffer && !*why)
        *why = "no memory";
    return buffer;
}
