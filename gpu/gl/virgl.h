/* SPDX-License-Identifier: MIT */
/*
 * The back-end that renders: virglrenderer on our EGL (egl.h). All resources of the device are then
 * textures or buffers of its, those of 2D too.
 *
 * virglrenderer is one for each process, so there may be one back-end at a time. It runs on the device's
 * loop; a thread of its own waits for fences and wakes the loop.
 */
#ifndef VITRINE_GPU_GL_VIRGL_H
#define VITRINE_GPU_GL_VIRGL_H

#include <stdbool.h>

#include "gpu/backend.h"

struct virgl_maker {
    struct gpu_backend_maker base;
    const char *render_node; /* as egl_init() takes it */
    bool required;           /* there is no other back-end to go on with: for the message */
    bool failed;             /* none could be made, which was said */
};

/* render_node: kept, not copied; or NULL. */
void virgl_maker_init(struct virgl_maker *maker, const char *render_node, bool required);

#endif
