/* SPDX-License-Identifier: MIT */
/*
 * A scanout: which resource is shown, what of it changed, and the frames that show it.
 *
 * One frame is under way at a time: until the display says done to it, damage is gathered. A frame's
 * pixels come without a copy where the display imports them (picture.h), and a flush that waits for its
 * frame ends at the first of: done; the release of the other buffer that the frame replaced, which the
 * guest may then draw to; 40 ms (fence.h). Waiting for the frame's own release would wait for ever.
 */
#ifndef VITRINE_GPU_SCANOUT_H
#define VITRINE_GPU_SCANOUT_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/cursor.h"
#include "gpu/damage.h"
#include "gpu/frame.h"
#include "gpu/picture.h"
#include "gpu/resource.h"

struct virtio_gpu;

#define SCANOUT_BUFFERS 3

struct scanout {
    unsigned index;
    struct display_mode mode;      /* what the guest is told to drive it with */
    struct gpu_resource *resource; /* NULL: off */
    struct resource_layout layout; /* how the picture lies in it */
    struct frame_rect source;      /* the part that is shown, within the layout */
    struct damage damage;          /* what changed since the last frame, in the source */
    bool fresh;                    /* nothing of this geometry was shown yet: all is damaged */
    bool pending;                  /* a flush came that no frame shows yet */
    bool lit;                      /* the display shows a frame, or may show a predecessor's */
    bool under_way;                /* frame seq is in the job, or the display owes its done */
    uint32_t seq;
    struct gpu_buffer *shown;    /* the last frame's; a reference */
    struct gpu_buffer *replaced; /* what the display still held when that came; a reference */
    bool no_import;              /* the display could not import what is the guest's: copy */
    bool no_blit;                /* a blit has failed, or the display could not import it */
    const char *why;             /* the reason that was logged for copying */
    const char *blit_why;        /* and for doing so by the CPU, of a texture */
    bool fetch_failed;           /* reading back a texture has, which was logged */
    struct gpu_buffer *pool[SCANOUT_BUFFERS]; /* to copy guest blobs and textures into */
    struct picture_job job;                   /* the frame that is under way, while it is drawn */
    struct cursor cursor;
};

/* Shows a part of a resource from the next flush on. */
void scanout_set(struct virtio_gpu *gpu, struct scanout *s, struct gpu_resource *resource,
                 const struct resource_layout *layout, const struct frame_rect *source);
/* Turns it off. */
void scanout_off(struct virtio_gpu *gpu, struct scanout *s);

/* The guest flushed a rectangle of the resource that the scanout shows. False where nothing of it is
 * visible. */
bool scanout_damage(struct scanout *s, const struct frame_rect *rect);
/* Presents a frame if there is something to show and none is under way. */
void scanout_present(struct virtio_gpu *gpu, struct scanout *s);
/* A fence of the renderer's has signalled: goes on with what waited for it. */
void scanout_fenced(struct virtio_gpu *gpu, struct scanout *s);
/* The resource, which is not the one that the scanout shows (any more), goes. */
void scanout_forget(struct virtio_gpu *gpu, struct scanout *s, const struct gpu_resource *resource);

/* The display's answers. */
void scanout_done(struct virtio_gpu *gpu, struct scanout *s, uint32_t seq);
void scanout_buffer_released(struct virtio_gpu *gpu, struct scanout *s, struct gpu_buffer *buffer);
void scanout_import_failed(struct virtio_gpu *gpu, struct scanout *s);
/* Somebody looks, or imports other formats than before: shows the whole picture anew. */
void scanout_watched(struct virtio_gpu *gpu, struct scanout *s);
/* Nobody looks any more. */
void scanout_unwatched(struct virtio_gpu *gpu, struct scanout *s);

#endif
