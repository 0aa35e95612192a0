// SPDX-License-Identifier: MIT
/*
 * The painter's context, and how it takes turns with the renderer's: virglrenderer remembers which
 * context it made current last, so whoever takes another one puts it back. Contexts of a share group are
 * ordered by a sync object only; entering makes one.
 */
#include "gpu/gl/painter.h"

#include <stdlib.h>

#define LOG_MODULE "gl"
#include "gpu/gl/painter_internal.h"
#include "gpu/resource.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

/* How long a cursor image is waited for. */
#define WAIT_NS (500 * 1000 * 1000ull)

bool painter_enter(struct painter *p, bool wait)
{
    EGLContext outer = eglGetCurrentContext();
    GLsync drawn = NULL;

    if (p->entered)
        return true;
    if (outer != EGL_NO_CONTEXT)
        drawn = glFenceSync(GL_SYNC_GPU_COMMANDS_COMPLETE, 0);
    if (drawn)
        glFlush();
    if (!egl_make_current(p->egl, p->context)) {
        if (drawn)
            glDeleteSync(drawn);
        if (!p->lost)
            log_error("the GL context for pictures can't be used");
        p->lost = true;
        return false;
    }
    if (drawn && wait)
        glClientWaitSync(drawn, 0, WAIT_NS);
    else if (drawn)
        glWaitSync(drawn, 0, GL_TIMEOUT_IGNORED);
    if (drawn)
        glDeleteSync(drawn);
    p->outer = outer;
    p->entered = true;
    return true;
}

void painter_leave(struct painter *p)
{
    if (!p->entered)
        return;
    /* Else it would keep a texture that its owner deletes. */
    if (p->reading)
        glFramebufferTexture2D(GL_READ_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, GL_TEXTURE_2D, 0, 0);
    p->reading = false;
    glFlush();
    p->entered = false;
    if (!egl_make_current(p->egl, p->outer) && !p->lost) {
        log_error("the renderer's GL context can't be used");
        p->lost = true;
    }
}

static void leave(struct gpu_painter *base)
{
    painter_leave(container_of(base, struct painter, base));
}

/* Of the wrong kind, the texture is not attached. */
static bool attach_source(GLenum kind, GLuint texture)
{
    glFramebufferTexture2D(GL_READ_FRAMEBUFFER, GL_COLOR_ATTACHMENT0, kind, texture, 0);
    return glCheckFramebufferStatus(GL_READ_FRAMEBUFFER) == GL_FRAMEBUFFER_COMPLETE;
}

bool painter_read_from(struct painter *p, const struct gpu_resource *resource)
{
    p->reading = true;
    glBindFramebuffer(GL_READ_FRAMEBUFFER, p->source);
    if (attach_source(GL_TEXTURE_2D, resource->texture))
        return true;
    return !p->egl->gles && attach_source(GL_TEXTURE_RECTANGLE, resource->texture);
}

uint32_t painter_first_row(const struct gpu_resource *resource, uint32_t y)
{
    return resource->y_inverted ? resource->layout.height - y : y;
}

static const struct gpu_painter_ops painter_ops = {
    .export = painter_export,
    .target = painter_target,
    .blit = painter_blit,
    .fetch = painter_fetch,
    .fetched = painter_fetched,
    .drop = painter_drop,
    .leave = leave,
    .read = painter_read,
};

struct gpu_painter *painter_create(const struct egl *egl, struct gpu_buffer_owner *owner)
{
    struct painter *p = calloc(1, sizeof(*p));
    if (!p) {
        log_error("no memory for pictures of textures");
        return NULL;
    }
    *p = (struct painter){ .base.ops = &painter_ops, .egl = egl, .owner = owner };
    p->context = egl_create_context(egl, 3, egl->gles ? 0 : 2);
    if (p->context == EGL_NO_CONTEXT || !painter_enter(p, false)) {
        log_error("no GL context can be had for pictures of textures");
        if (p->context != EGL_NO_CONTEXT)
            egl_destroy_context(egl, p->context);
        free(p);
        return NULL;
    }
    p->read_bgra = !egl->gles || epoxy_has_gl_extension("GL_EXT_read_format_bgra");
    glGenFramebuffers(1, &p->source);
    painter_leave(p);
    return &p->base;
}

void painter_destroy(struct gpu_painter *base)
{
    if (!base)
        return;
    struct painter *p = container_of(base, struct painter, base);
    if (painter_enter(p, false)) {
        for (unsigned i = 0; i < ARRAY_LEN(p->fetch); i++)
            glDeleteBuffers(1, &p->fetch[i].buffer);
        glDeleteFramebuffers(1, &p->source);
        painter_leave(p);
    }
    egl_destroy_context(p->egl, p->context);
    free(p);
}
