/* SPDX-License-Identifier: MIT */
/* The state of the back-end that renders, shared by the files that implement it. */
#ifndef VITRINE_GPU_GL_VIRGL_INTERNAL_H
#define VITRINE_GPU_GL_VIRGL_INTERNAL_H

#include <stdint.h>

#include "gpu/backend.h"
#include "gpu/gl/egl.h"
#include "gpu/gl/virgl_compat.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

struct virgl {
    struct gpu_backend base;
    struct gpu_backend_events *events;
    struct egl egl;
    struct virgl_renderer_callbacks callbacks;
    struct loop_fd fences; /* readable when a fence has signalled */
    uint32_t signalled;    /* the latest that virglrenderer told; 0: none since the last poll */
    bool guest_current;    /* the current GL context may be one of the guest's */
    struct gpu_buffer_owner *owner; /* who counts the bytes that the guest's resources take */
};

static inline struct virgl *virgl_of(struct gpu_backend *backend)
{
    return container_of(backend, struct virgl, base);
}

/* virglrenderer's errors, which are of either sign, as ours. */
int virgl_error(int err);
/* virglrenderer works in whatever context is current where a call names none: makes that its own. */
void virgl_use_host_context(struct virgl *virgl);

/* virgl_resource.c: what struct gpu_backend_ops and gpu_render_ops say. */
int virgl_create_2d(struct gpu_backend *backend, struct gpu_resource *resource);
int virgl_create_3d(struct gpu_backend *backend, struct gpu_resource *resource,
                    const struct gpu_texture_args *args);
void virgl_destroy(struct gpu_backend *backend, struct gpu_resource *resource);
int virgl_attach(struct gpu_backend *backend, const struct guest_mem *mem,
                 struct gpu_resource *resource);
void virgl_detach(struct gpu_backend *backend, struct gpu_resource *resource);
int virgl_transfer_2d(struct gpu_backend *backend, const struct guest_mem *mem,
                      struct gpu_resource *resource, const struct frame_rect *rect,
                      uint64_t offset);
int virgl_transfer_3d(struct gpu_backend *backend, uint32_t ctx, struct gpu_resource *resource,
                      const struct gpu_transfer *transfer);

#endif
