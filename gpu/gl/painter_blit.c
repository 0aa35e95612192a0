// SPDX-License-Identifier: MIT
/* Blits into buffers of GBM's, made of a format and modifier that the display imports. */
#include <drm_fourcc.h>
#include <gbm.h>
#include <stdlib.h>
#include <string.h>

#include "gpu/buffer.h"
#include "gpu/gl/painter_internal.h"
#include "gpu/imports.h"
#include "gpu/resource.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"

struct target {
    struct gpu_buffer buffer;
    struct painter *painter;
    struct gbm_bo *bo;
    EGLImageKHR image;
    GLuint texture, framebuffer;
};

static void target_free(struct target *t)
{
    struct painter *p = t->painter;
    bool inside = p->entered;

    if (painter_enter(p, false)) {
        glDeleteFramebuffers(1, &t->framebuffer);
        glDeleteTextures(1, &t->texture);
        if (!inside)
            painter_leave(p);
    }
    if (t->image != EGL_NO_IMAGE_KHR)
        eglDestroyImageKHR(p->egl->display, t->image);
    gbm_bo_destroy(t->bo);
    free(t);
}

static void on_destroy(struct gpu_buffer *buffer)
{
    target_free(container_of(buffer, struct target, buffer));
}

static bool offers(const struct import_format *f, uint64_t modifier)
{
    for (unsigned i = 0; i < f->n; i++)
        if (f->modifier[i] == modifier)
            return true;
    return false;
}

/* Memory with one of the format's modifiers, the driver's choice; without any where both ends know
 * just the kind that the driver decides on. */
static struct gbm_bo *create_bo(struct gbm_device *gbm, uint32_t width, uint32_t height,
                                const struct import_format *f, uint64_t *modifier)
{
    struct gbm_bo *bo = NULL;

    if (f->n > 0 && !(f->n == 1 && f->modifier[0] == DRM_FORMAT_MOD_INVALID))
        bo = gbm_bo_create_with_modifiers2(gbm, width, height, f->fourcc, f->modifier, f->n,
                                           GBM_BO_USE_RENDERING);
    if (bo) {
        *modifier = gbm_bo_get_modifier(bo);
        return bo;
    }
    *modifier = DRM_FORMAT_MOD_INVALID;
    if (offers(f, DRM_FORMAT_MOD_INVALID))
        return gbm_bo_create(gbm, width, height, f->fourcc, GBM_BO_USE_RENDERING);
    *modifier = DRM_FORMAT_MOD_LINEAR;
    if (offers(f, DRM_FORMAT_MOD_LINEAR))
        return gbm_bo_create(gbm, width, height, f->fourcc,
                             GBM_BO_USE_RENDERING | GBM_BO_USE_LINEAR);
    return NULL;
}

static bool describe(struct gbm_bo *bo, struct frame_buffer *what)
{
    int n = gbm_bo_get_plane_count(bo);
    bool ok = n >= 1 && n <= FRAME_MAX_PLANES;

    for (int i = 0; ok && i < n; i++) {
        what->plane[i] = (struct frame_plane){
            .fd = gbm_bo_get_fd_for_plane(bo, i),
            .stride = gbm_bo_get_stride_for_plane(bo, i),
            .offset = gbm_bo_get_offset(bo, i),
        };
        if (what->plane[i].fd < 0)
            ok = false;
        else
            what->n_planes++;
    }
    for (unsigned i = 0; !ok && i < what->n_planes; i++)
        fd_close_all(&what->plane[i].fd, 1);
    return ok;
}

/* The planes' names in EGL_EXT_image_dma_buf_import(_modifiers). */
static const EGLint plane_names[FRAME_MAX_PLANES][5] = {
    { EGL_DMA_BUF_PLANE0_FD_EXT, EGL_DMA_BUF_PLANE0_OFFSET_EXT, EGL_DMA_BUF_PLANE0_PITCH_EXT,
      EGL_DMA_BUF_PLANE0_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE0_MODIFIER_HI_EXT },
    { EGL_DMA_BUF_PLANE1_FD_EXT, EGL_DMA_BUF_PLANE1_OFFSET_EXT, EGL_DMA_BUF_PLANE1_PITCH_EXT,
      EGL_DMA_BUF_PLANE1_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE1_MODIFIER_HI_EXT },
    { EGL_DMA_BUF_PLANE2_FD_EXT, EGL_DMA_BUF_PLANE2_OFFSET_EXT, EGL_DMA_BUF_PLANE2_PITCH_EXT,
      EGL_DMA_BUF_PLANE2_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE2_MODIFIER_HI_EXT },
    { EGL_DMA_BUF_PLANE3_FD_EXT, EGL_DMA_BUF_PLANE3_OFFSET_EXT, EGL_DMA_BUF_PLANE3_PITCH_EXT,
      EGL_DMA_BUF_PLANE3_MODIFIER_LO_EXT, EGL_DMA_BUF_PLANE3_MODIFIER_HI_EXT },
};

static EGLImageKHR import(const struct egl *egl, const struct frame_buffer *what)
{
    EGLint attributes[6 + FRAME_MAX_PLANES * 10 + 1];
    unsigned n = 0;

    attributes[n++] = EGL_WIDTH;
    attributes[n++] = (EGLint)what->width;
    attributes[n++] = EGL_HEIGHT;
    attributes[n++] = (EGLint)what->height;
    attributes[n++] = EGL_LINUX_DRM_FOURCC_EXT;
    attributes[n++] = (EGLint)what->fourcc;
    for (unsigned i = 0; i < what->n_planes; i++) {
        const EGLint values[5] = {
            what->plane[i].fd,
            (EGLint)what->plane[i].offset,
            (EGLint)what->plane[i].stride,
            (EGLint)(what->modifier & 0xffffffff),
            (EGLint)(what->modifier >> 32),
        };
        unsigned n_values = what->modifier == DRM_FORMAT_MOD_INVALID ? 3 : 5;
        for (unsigned v = 0; v < n_values; v++) {
            attributes[n++] = plane_names[i][v];
            attributes[n++] = values[v];
        }
    }
    attributes[n] = EGL_NONE;
    return eglCreateImageKHR(egl->display, EGL_NO_CONTEXT, EGL_LINUX_DMA_BUF_EXT, NULL, attributes);
}

/* Makes the buffer's memory what GL draws to. */
static bool attach(struct target *t)
{
    t->image = import(t->painter->egl, &t->buffer.base);
    if (t->image == EGL_NO_IMAGE_KHR)
        return false;
    glGenTextures(1, &t->texture);
    glBindTexture(GL_TEXTURE_2D, t->texture);
    glEGLImageTargetTexture2DOES(GL_TEXTURE_2D, t->image);
    glBindTexture(GL_TEXTURE_2D, 0);
    glGenFramebuffers(1, &t->framebuffer);
    glBindFramebuffer(GL_DRAW_FRAMEBUFFER, t->framebuffer);
    glFramebufferTexture2D(GL_DRAW_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, t->texture, 0);
    return glCheckFramebufferStatus(GL_DRAW_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE;
}

static struct gpu_buffer *create_target(struct painter *p, struct gbm_bo *bo,
                                        struct frame_buffer *what, const char **why)
{
    struct target *t = calloc(1, sizeof(*t));

    if (!t || !describe(bo, what)) {
        *why = t ? "GBM does not export its buffer" : "no memory";
        free(t);
        gbm_bo_destroy(bo);
        return NULL;
    }
    gpu_buffer_init(&t->buffer, p->owner, what);
    t->buffer.destroy = on_destroy;
    t->painter = p;
    t->bo = bo;
    t->image = EGL_NO_IMAGE_KHR;
    bool ok = painter_enter(p, false) && attach(t);
    painter_leave(p);
    if (!ok) {
        *why = "GL can't draw to GBM's buffer";
        gpu_buffer_unref(&t->buffer);
        return NULL;
    }
    return &t->buffer;
}

struct gpu_buffer *painter_target(struct gpu_painter *base, uint32_t width, uint32_t height,
                                  const struct imports *imports, const char **why)
{
    struct painter *p = container_of(base, struct painter, base);

    if (!p->egl->gbm || !p->egl->import_dmabuf) {
        *why = p->egl->gbm ? "EGL imports no dmabufs here" : "there is no GBM without a DRM node";
        return NULL;
    }
    *why = "GBM makes no buffer of a format and modifier that the display imports";
    for (unsigned i = 0; i < IMPORT_FORMATS; i++) {
        struct frame_buffer what = {
            .kind = FRAME_BUFFER_DMABUF,
            .path = FRAME_PATH_BLIT,
            .width = width,
            .height = height,
            .fourcc = imports->format[i].fourcc,
        };
        struct gbm_bo *bo =
            create_bo(p->egl->gbm, width, height, &imports->format[i], &what.modifier);
        struct gpu_buffer *buffer = bo ? create_target(p, bo, &what, why) : NULL;
        if (buffer) {
            *why = NULL;
            return buffer;
        }
    }
    return NULL;
}

bool painter_blit(struct gpu_painter *base, const struct gpu_resource *resource,
                  const struct frame_rect *source, const struct damage *damage,
                  struct gpu_buffer *target)
{
    struct painter *p = container_of(base, struct painter, base);
    const struct target *t = container_of(target, struct target, buffer);

    if (!painter_enter(p, false) || !painter_read_from(p, resource))
        return false;
    glBindFramebuffer(GL_DRAW_FRAMEBUFFER, t->framebuffer);
    for (unsigned i = 0; i < damage->n; i++) {
        const struct frame_rect *d = &damage->rect[i];
        GLint x = (GLint)(source->x + d->x);
        GLint top = (GLint)painter_first_row(resource, source->y + d->y);
        GLint bottom = (GLint)painter_first_row(resource, source->y + d->y + d->height);
        glBlitFramebuffer(x, top, x + (GLint)d->width, bottom, (GLint)d->x, (GLint)d->y,
                          (GLint)(d->x + d->width), (GLint)(d->y + d->height), GL_COLOR_BUFFER_BIT,
                          GL_NEAREST);
    }
    return true;
}
