/* SPDX-License-Identifier: MIT */
/* The painter's state, shared by the files that implement it and by no others. */
#ifndef VITRINE_GPU_GL_PAINTER_INTERNAL_H
#define VITRINE_GPU_GL_PAINTER_INTERNAL_H

#include <epoxy/gl.h>
#include <stdbool.h>
#include <stddef.h>

#include "gpu/frame.h"
#include "gpu/gl/egl.h"
#include "gpu/painter.h"

struct gpu_buffer_owner;
struct gpu_resource;

struct painter {
    struct gpu_painter base;
    const struct egl *egl;
    struct gpu_buffer_owner *owner;
    EGLContext context;
    EGLContext outer; /* whose turn it is after leave; valid while entered */
    bool entered;
    bool lost;      /* contexts have failed, which was said */
    bool reading;   /* `source` is bound and has a texture */
    bool read_bgra; /* pixels can be read in ARGB8888's order of bytes */
    GLuint source;  /* a framebuffer with the texture that is drawn from */
    struct {
        GLuint buffer;   /* 0: none yet */
        size_t size;     /* bytes */
        bool y_inverted; /* how the rows of the last fetch lie */
    } fetch[DISPLAY_MAX_SCANOUTS];
};

/* Makes the painter's context current. What other contexts drew is drawn before what comes now, and
 * where `wait` is set it is drawn already. False where the context can't be used. */
bool painter_enter(struct painter *p, bool wait);
void painter_leave(struct painter *p);
/* Makes a resource's texture what is read from. False where GL can't. */
bool painter_read_from(struct painter *p, const struct gpu_resource *resource);
/* Where in GL's order the picture's row y begins: rows count up from there, and down where the resource
 * is y_inverted. */
uint32_t painter_first_row(const struct gpu_resource *resource, uint32_t y);

struct gpu_buffer *painter_export(struct gpu_painter *base, const struct gpu_resource *resource,
                                  const char **why);
struct gpu_buffer *painter_target(struct gpu_painter *base, uint32_t width, uint32_t height,
                                  const struct imports *imports, const char **why);
bool painter_blit(struct gpu_painter *base, const struct gpu_resource *resource,
                  const struct frame_rect *source, const struct damage *damage,
                  struct gpu_buffer *target);
bool painter_fetch(struct gpu_painter *base, unsigned slot, const struct gpu_resource *resource,
                   const struct frame_rect *source, const struct damage *damage);
uint64_t painter_fetched(struct gpu_painter *base, unsigned slot, const struct damage *damage,
                         struct gpu_buffer *shm);
void painter_drop(struct gpu_painter *base, unsigned slot);
bool painter_read(struct gpu_painter *base, const struct gpu_resource *resource, uint32_t width,
                  uint32_t height, uint32_t *pixels);

#endif
