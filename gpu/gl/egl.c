// SPDX-License-Identifier: MIT
#include "gpu/gl/egl.h"

#include <epoxy/gl.h>
#include <errno.h>
#include <fcntl.h>
#include <gbm.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOG_MODULE "gl"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define DRM_MAJOR 226
/* DRM's render nodes: minor numbers 128 to 191. */
#define FIRST_NODE 128
#define LAST_NODE 191

/* What renderers that draw with the processor have in their names; Zink names its Vulkan device. */
static const char *const software_names[] = { "llvmpipe", "softpipe", "swrast", "SwiftShader" };

__attribute__((format(printf, 3, 4))) static int failed(struct egl *egl, int err, const char *fmt,
                                                        ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(egl->why, sizeof(egl->why), fmt, args);
    va_end(args);
    return err;
}

static void close_node(struct egl *egl)
{
    if (egl->gbm)
        gbm_device_destroy(egl->gbm);
    egl->gbm = NULL;
    if (egl->drm_fd >= 0)
        close(egl->drm_fd);
    egl->drm_fd = -1;
}

/* GBM would draw on anything by software. */
static bool is_drm(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && major(st.st_rdev) == DRM_MAJOR;
}

static int open_node(struct egl *egl)
{
    egl->drm_fd = open(egl->node, O_RDWR | O_CLOEXEC);
    if (egl->drm_fd < 0)
        return failed(egl, -errno, "%s: %s", egl->node, strerror(errno));
    if (!is_drm(egl->drm_fd))
        return failed(egl, -ENODEV, "%s is no DRM node", egl->node);
    egl->gbm = gbm_create_device(egl->drm_fd);
    if (!egl->gbm)
        return failed(egl, -ENODEV, "%s: GBM finds no driver for it", egl->node);
    return 0;
}

static EGLDisplay platform_display(const struct egl *egl)
{
    const char *platform = egl->gbm ? "EGL_KHR_platform_gbm" : "EGL_MESA_platform_surfaceless";

    if (!epoxy_has_egl() || !epoxy_has_egl_extension(EGL_NO_DISPLAY, "EGL_EXT_platform_base") ||
        !epoxy_has_egl_extension(EGL_NO_DISPLAY, platform))
        return EGL_NO_DISPLAY;
    return egl->gbm
               ? eglGetPlatformDisplayEXT(EGL_PLATFORM_GBM_KHR, egl->gbm, NULL)
               : eglGetPlatformDisplayEXT(EGL_PLATFORM_SURFACELESS_MESA, EGL_DEFAULT_DISPLAY, NULL);
}

static int init_display(struct egl *egl)
{
    static const char *const needed[] = {
        "EGL_KHR_create_context",
        "EGL_KHR_no_config_context",
        "EGL_KHR_surfaceless_context",
    };

    egl->display = platform_display(egl);
    if (egl->display == EGL_NO_DISPLAY || !eglInitialize(egl->display, NULL, NULL)) {
        egl->display = EGL_NO_DISPLAY;
        return failed(egl, -ENODEV, "%s: no EGL there", egl->node);
    }
    for (unsigned i = 0; i < ARRAY_LEN(needed); i++)
        if (!epoxy_has_egl_extension(egl->display, needed[i]))
            return failed(egl, -ENOTSUP, "%s: EGL has no %s there", egl->node, needed[i]);
    return 0;
}

/* Desktop OpenGL if it can be had: virglrenderer gives the guest more with it. */
static int init_context(struct egl *egl)
{
    egl->context = egl_create_context(egl, 3, 2);
    if (egl->context == EGL_NO_CONTEXT) {
        egl->gles = true;
        egl->context = egl_create_context(egl, 3, 0);
    }
    if (egl->context == EGL_NO_CONTEXT)
        return failed(egl, -ENOTSUP, "%s: neither OpenGL 3.2 nor OpenGL ES 3.0 there", egl->node);
    if (!egl_make_current(egl, egl->context))
        return failed(egl, -EIO, "%s: its GL context can't be used", egl->node);

    const char *name = (const char *)glGetString(GL_RENDERER);
    snprintf(egl->renderer, sizeof(egl->renderer), "%s", name ? name : "unknown");
    for (unsigned i = 0; i < ARRAY_LEN(software_names); i++)
        egl->software |= strstr(egl->renderer, software_names[i]) != NULL;
    return 0;
}

static void find_features(struct egl *egl)
{
    egl->export_dmabuf = epoxy_has_egl_extension(egl->display, "EGL_KHR_gl_texture_2D_image") &&
                         epoxy_has_egl_extension(egl->display, "EGL_MESA_image_dma_buf_export");
    egl->import_dmabuf =
        epoxy_has_egl_extension(egl->display, "EGL_EXT_image_dma_buf_import") &&
        epoxy_has_egl_extension(egl->display, "EGL_EXT_image_dma_buf_import_modifiers") &&
        epoxy_has_gl_extension("GL_OES_EGL_image");
    /* llvmpipe's are none: it waits for all that any context draws, and makes one that has signalled. */
    egl->native_fence = !egl->software &&
                        epoxy_has_egl_extension(egl->display, "EGL_KHR_fence_sync") &&
                        epoxy_has_egl_extension(egl->display, "EGL_ANDROID_native_fence_sync");
}

static void tear_down(struct egl *egl)
{
    if (egl->context != EGL_NO_CONTEXT) {
        egl_make_current(egl, EGL_NO_CONTEXT);
        eglDestroyContext(egl->display, egl->context);
    }
    egl->context = EGL_NO_CONTEXT;
    if (egl->display != EGL_NO_DISPLAY)
        eglTerminate(egl->display);
    egl->display = EGL_NO_DISPLAY;
    close_node(egl);
}

static int try_node(struct egl *egl, const char *node)
{
    *egl = (struct egl){
        .display = EGL_NO_DISPLAY,
        .context = EGL_NO_CONTEXT,
        .drm_fd = -1,
    };
    if (strlen(node) >= sizeof(egl->node))
        return failed(egl, -ENAMETOOLONG, "the render node's path is too long");
    strcpy(egl->node, node);

    int err = strcmp(node, EGL_SURFACELESS) ? open_node(egl) : 0;
    if (!err)
        err = init_display(egl);
    if (!err)
        err = init_context(egl);
    if (err)
        tear_down(egl);
    else
        find_features(egl);
    return err;
}

/* A node without a GPU behind it (vgem, a display without 3D) is no reason to draw by way of it. */
static int choose_node(struct egl *egl)
{
    for (unsigned i = FIRST_NODE; i <= LAST_NODE; i++) {
        char node[32];
        snprintf(node, sizeof(node), "/dev/dri/renderD%u", i);
        if (access(node, F_OK) < 0)
            continue;
        if (try_node(egl, node) < 0) {
            log_debug("%s", egl->why);
            continue;
        }
        if (!egl->software)
            return 0;
        tear_down(egl);
    }
    return try_node(egl, EGL_SURFACELESS);
}

int egl_init(struct egl *egl, const char *render_node)
{
    int err = render_node ? try_node(egl, render_node) : choose_node(egl);

    if (err)
        return err;
    log_info("OpenGL%s by %s (%s)", egl->gles ? " ES" : "", egl->renderer, egl->node);
    if (egl->software)
        log_warn("that is software: the guest's 3D will be slow");
    return 0;
}

void egl_finish(struct egl *egl)
{
    tear_down(egl);
}

EGLContext egl_create_context(const struct egl *egl, int major, int minor)
{
    const EGLint attributes[] = {
        EGL_CONTEXT_MAJOR_VERSION_KHR, major, EGL_CONTEXT_MINOR_VERSION_KHR, minor, EGL_NONE,
    };

    /* The API is bound for each thread. */
    if (!eglBindAPI(egl->gles ? EGL_OPENGL_ES_API : EGL_OPENGL_API))
        return EGL_NO_CONTEXT;
    return eglCreateContext(egl->display, EGL_NO_CONFIG_KHR, egl->context, attributes);
}

void egl_destroy_context(const struct egl *egl, EGLContext context)
{
    eglDestroyContext(egl->display, context);
}

int egl_sync_file(const struct egl *egl)
{
    if (!egl->native_fence)
        return -1;
    EGLSyncKHR sync = eglCreateSyncKHR(egl->display, EGL_SYNC_NATIVE_FENCE_ANDROID, NULL);
    if (sync == EGL_NO_SYNC_KHR)
        return -1;
    glFlush(); /* there is no fd before that */
    int fd = eglDupNativeFenceFDANDROID(egl->display, sync);
    eglDestroySyncKHR(egl->display, sync);
    return fd; /* EGL_NO_NATIVE_FENCE_FD_ANDROID is -1 */
}

bool egl_make_current(const struct egl *egl, EGLContext context)
{
    return eglBindAPI(egl->gles ? EGL_OPENGL_ES_API : EGL_OPENGL_API) &&
           eglMakeCurrent(egl->display, EGL_NO_SURFACE, EGL_NO_SURFACE, context);
}
