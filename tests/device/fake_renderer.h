/* SPDX-License-Identifier: MIT */
/* A back-end that renders nothing: its 2D resources pass for textures, and the test says when fences
 * signal, what can be exported or blitted, and sees what was asked of the painter. */
#ifndef VITRINE_TESTS_DEVICE_FAKE_RENDERER_H
#define VITRINE_TESTS_DEVICE_FAKE_RENDERER_H

#include "gpu/backend.h"
#include "gpu/damage.h"
#include "gpu/painter.h"
#include "vmm/base/loop.h"

#define FAKE_MODIFIER 0x0100000000000001ull /* one of a GPU's: rows in tiles */

struct fake_renderer {
    struct gpu_backend backend;
    struct gpu_painter painter;
    struct gpu_backend_maker maker;
    struct gpu_backend_site site;
    struct loop_prepare prepare;

    bool sync_files; /* there are native fences */
    bool fast;       /* all is drawn before the loop sleeps */
    bool no_fences;  /* fences fail */
    bool no_export, no_target, no_blit, no_fetch, no_copy;
    bool inverted;     /* of the resources made from now on */
    uint64_t modifier; /* of exports */
    uint32_t made;     /* the last fence's serial */
    unsigned submits;  /* which draw nothing */
    unsigned exports, targets, blits, fetches, copies, reads;
    unsigned entered;                /* calls of blit and fetch without leave yet */
    unsigned textures;               /* alive */
    uint32_t texture;                /* the one last blitted or fetched */
    bool kept[DISPLAY_MAX_SCANOUTS]; /* slots with something in them */
    struct frame_rect source;
    struct damage damage; /* of the last blit, fetch or copy */
};

void fake_renderer_init(struct fake_renderer *fake);
/* All that was drawn until now is done. */
void fake_signal(struct fake_renderer *fake);

#endif
