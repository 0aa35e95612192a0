/* SPDX-License-Identifier: MIT */
/* What OpenGL the host has, for who only wants to know. */
#ifndef VITRINE_GPU_GL_PROBE_H
#define VITRINE_GPU_GL_PROBE_H

#include <stdbool.h>

struct gl_probe {
    bool usable;
    bool software;      /* a processor does the drawing */
    bool native_fence;  /* frames can go to the compositor before they are drawn */
    bool export_dmabuf; /* ... and as textures */
    char node[64];      /* where; see struct egl */
    char text[192];     /* the renderer's name, or why there is none */
};

/* Asks the driver in a process of its own, as it may crash or leave threads behind; so the calling one has
 * no threads. */
void gl_probe(struct gl_probe *probe);

#endif
