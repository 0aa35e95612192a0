/* SPDX-License-Identifier: MIT */
/* A virtio GPU that renders (gpu_bed.h), on surfaceless EGL, and what a guest's driver says to it. The
 * device is one for all tests of a program, as virglrenderer is; each test starts and stops it. */
#ifndef VITRINE_TESTS_DEVICE_VIRGL_BED_H
#define VITRINE_TESTS_DEVICE_VIRGL_BED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/device/gpu_bed.h"

/* Gallium's and virglrenderer's numbers: the guest's interface, in no installed header. */
enum { TARGET_BUFFER = 0, TARGET_2D = 2, TARGET_3D = 3, TARGET_CUBE = 4, TARGET_2D_ARRAY = 7 };
enum { FORMAT_BGRA = 1, FORMAT_BGRX = 2, FORMAT_R8 = 64 };
enum { BIND_RENDER_TARGET = 1 << 1, BIND_SAMPLER_VIEW = 1 << 3, BIND_VERTEX_BUFFER = 1 << 4 };
enum { BIND_SCANOUT = 1 << 18 };
enum { FLAG_Y_0_TOP = 1 << 0 };

/* What the guest's textures may take together: bytes. */
#define VIRGL_BED_MEMORY (256ull << 20)

/* For cmocka's groups: the group's, and each test's. A program without GL ends with 77. */
int virgl_bed_create(void **state);
int virgl_bed_destroy(void **state);
int virgl_bed_start(void **state);
int virgl_bed_stop(void **state);

/* Whether EGL exports textures as dmabufs. */
bool virgl_bed_exports(void);

/* A command that may be answered later: waits for it. The response's type. */
uint32_t guest_command(struct bed *bed, const void *cmd, size_t len);
/* Runs the loop until the answer is there. */
void guest_wait(struct bed *bed, const struct bed_pending *pending,
                struct virtio_gpu_ctrl_hdr *response);

uint32_t guest_context(struct bed *bed, uint32_t ctx);
uint32_t guest_simple(struct bed *bed, uint32_t type, uint32_t ctx, uint32_t resource);
/* A picture on which one draws; and one that was made for a screen. */
uint32_t guest_texture(struct bed *bed, uint32_t id, uint32_t width, uint32_t height);
uint32_t guest_screen(struct bed *bed, uint32_t id, uint32_t width, uint32_t height);
uint32_t guest_create_3d(struct bed *bed, const struct virtio_gpu_resource_create_3d *args);
/* The box's sides, at 0,0,0, and rows without a gap from the backing's start. */
uint32_t guest_transfer(struct bed *bed, uint32_t ctx, uint32_t id, uint32_t width, uint32_t height,
                        bool to_host);
uint32_t guest_submit(struct bed *bed, uint32_t ctx, const uint32_t *words, size_t n);
struct bed_pending guest_submit_fenced(struct bed *bed, uint32_t ctx, const uint32_t *words,
                                       size_t n, uint64_t fence);

/* The words that fill a texture, which is attached, with one colour. */
#define CLEAR_WORDS (6 + 4 + 9)
void guest_clear_words(uint32_t words[CLEAR_WORDS], uint32_t surface, uint32_t texture, float red,
                       float green, float blue);
/* The words that spread a square of one attached texture, from its corner, over one of another. */
#define BLIT_WORDS 22
void guest_blit_words(uint32_t words[BLIT_WORDS], uint32_t to, uint32_t to_side, uint32_t from,
                      uint32_t from_side);
/* A context with a texture of this size in it, whose backing is at BED_PIXELS_GPA. */
void guest_scene(struct bed *bed, uint32_t ctx, uint32_t texture, uint32_t width, uint32_t height);

#endif
