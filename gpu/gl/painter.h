/* SPDX-License-Identifier: MIT */
/* gpu/painter.h in OpenGL. */
#ifndef VITRINE_GPU_GL_PAINTER_H
#define VITRINE_GPU_GL_PAINTER_H

struct egl;
struct gpu_buffer_owner;
struct gpu_painter;

/* Textures of egl's share group as pictures; the buffers belong to owner. Both outlive the painter. The
 * current context stays current. NULL where its context can't be made, which is logged. */
struct gpu_painter *painter_create(const struct egl *egl, struct gpu_buffer_owner *owner);
/* Accepts NULL. All its buffers are gone. */
void painter_destroy(struct gpu_painter *painter);

#endif
