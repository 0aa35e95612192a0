/* SPDX-License-Identifier: MIT */
/*
 * The host's OpenGL: an EGL display without a window, on a DRM node through GBM or on none
 * (surfaceless), and a root context whose share group all other contexts join. So a texture that
 * virglrenderer makes in one of its contexts can be exported, blitted and read from the root.
 *
 * The structure belongs to the loop that made it. Contexts may be made, and made current, on any
 * thread.
 */
#ifndef VITRINE_GPU_GL_EGL_H
#define VITRINE_GPU_GL_EGL_H

#include <epoxy/egl.h>
#include <stdbool.h>

struct gbm_device;

#define EGL_SURFACELESS "surfaceless"

struct egl {
    EGLDisplay display;
    EGLContext context;     /* the root */
    int drm_fd;             /* the node; -1: surfaceless */
    struct gbm_device *gbm; /* NULL: surfaceless */
    bool gles;              /* contexts are of OpenGL ES; else desktop OpenGL, core profile */
    bool software;          /* a processor does the drawing */
    bool export_dmabuf;     /* EGL_MESA_image_dma_buf_export */
    bool import_dmabuf;     /* EGL_EXT_image_dma_buf_import, with its modifiers, into a texture */
    bool native_fence;      /* EGL_ANDROID_native_fence_sync, by a GPU */
    char node[64];          /* the node's path, or EGL_SURFACELESS */
    char renderer[128];     /* what GL_RENDERER says */
    char why[192];          /* where egl_init() failed: one line that says why */
};

/* Opens a node (of any kind) and EGL on it. render_node: its path, EGL_SURFACELESS, or NULL to choose:
 * the first render node whose GL is not software, else surfaceless. The root context is current
 * afterwards, and the renderer's name is logged. 0, or a negative errno with egl->why set and nothing
 * to finish. */
int egl_init(struct egl *egl, const char *render_node);
/* All contexts but the root are destroyed. */
void egl_finish(struct egl *egl);

/* A context in the root's share group, of egl->gles's kind. EGL_NO_CONTEXT where the version can't be
 * had. */
EGLContext egl_create_context(const struct egl *egl, int major, int minor);
void egl_destroy_context(const struct egl *egl, EGLContext context);
/* Makes a context current on the calling thread, without a surface; EGL_NO_CONTEXT: none. */
bool egl_make_current(const struct egl *egl, EGLContext context);
/* A sync_file that signals once all is drawn that the current context was asked for; the caller's. -1
 * where there is no native fence. */
int egl_sync_file(const struct egl *egl);

#endif
