/* SPDX-License-Identifier: MIT */
/*
 * virglrenderer as we use it, from 0.10.4 on, and everything that depends on its version. Version 4 of
 * its callbacks, by which our EGL display becomes its own, was unstable before 1.0; 1.1 is the first
 * that has a header which says its version.
 */
#ifndef VITRINE_GPU_GL_VIRGL_COMPAT_H
#define VITRINE_GPU_GL_VIRGL_COMPAT_H

#if !__has_include(<virgl-version.h>)
#define VIRGL_RENDERER_UNSTABLE_APIS
#endif
#include <stdarg.h>
#include <stdio.h>
#include <virglrenderer.h>

_Static_assert(VIRGL_RENDERER_CALLBACKS_VERSION >= 4, "virglrenderer takes our EGL display");

/* Where virglrenderer's messages go once virgl_compat_log() was called; any thread. (virgl.c) */
void virgl_message(const char *text);

#ifdef VIRGL_CHECK_VERSION

static inline void virgl_compat_message(enum virgl_log_level_flags level, const char *message,
                                        void *data)
{
    virgl_message(message);
}

static inline void virgl_compat_log(void)
{
    virgl_set_log_callback(virgl_compat_message, NULL, NULL);
}

#else

__attribute__((format(printf, 1, 0))) static inline void virgl_compat_message(const char *fmt,
                                                                              va_list args)
{
    char text[512];
    vsnprintf(text, sizeof(text), fmt, args);
    virgl_message(text);
}

static inline void virgl_compat_log(void)
{
    virgl_set_debug_callback(virgl_compat_message);
}

#endif

#endif
