/* SPDX-License-Identifier: MIT */
/* A virtio GPU in the hands of a test: rings and pages in guest memory on one side, a display that
 * records what it is told on the other, one loop, no other process. */
#ifndef VITRINE_TESTS_DEVICE_GPU_BED_H
#define VITRINE_TESTS_DEVICE_GPU_BED_H

#include <linux/virtio_gpu.h>
#include <stddef.h>

#include "gpu/frame.h"
#include "gpu/virtio_gpu.h"
#include "tests/ring.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"

#define BED_RAM (32ull << 20)
#define BED_PIXELS_GPA 0x1000000ull /* the upper half is for the test's pixels */
#define BED_MAX_FRAMES 256

enum { BED_CONTROL, BED_CURSOR };

struct bed_frame {
    unsigned scanout;
    struct frame frame;
};

struct bed {
    struct loop *loop;
    struct guest_mem mem;
    struct virtio_gpu *gpu;
    struct virtio_dev *dev;
    struct producer *producer;
    struct ring ring[2];
    uint64_t next_slot;
    struct bed_answer {
        bool there;
        uint32_t written;
    } answer[2][RING_MAX_SIZE]; /* by the chain's head */
    unsigned config_changes, broken;

    struct display display;
    bool lock;         /* whether the display locks what it is shown */
    unsigned n_frames; /* presented so far; each is kept with its buffer referenced */
    struct bed_frame frame[BED_MAX_FRAMES];
    unsigned n_disables, n_cursors, n_moves;
    struct frame_cursor cursor; /* the last one; its buffer is locked */
    int32_t cursor_x, cursor_y;
};

/* A device in other ways than bed_set_up() makes it, and its life: it may be started again after a stop,
 * with all features and the display of a fresh bed. */
struct bed *bed_create(const struct virtio_gpu_options *options);
void bed_start(struct bed *bed);
void bed_stop(struct bed *bed);
void bed_destroy(struct bed *bed);

/* For cmocka: a started device with EDID and blobs, a display that locks and imports no dmabufs. */
int bed_set_up(void **state);
int bed_tear_down(void **state);

/* A command whose answer is not there yet, or is looked at later. */
struct bed_pending {
    int queue, head;
    uint64_t response_gpa;
};

/* Puts a command on a queue and lets the device work. room: bytes for the response. */
struct bed_pending bed_submit(struct bed *bed, int queue, const void *cmd, size_t len, size_t room);
/* Whether it is answered (said once); the response's header then, the rest of it is at response_gpa. */
bool bed_answered(struct bed *bed, const struct bed_pending *pending,
                  struct virtio_gpu_ctrl_hdr *response);
/* A command that is answered at once: the response's type; up to room bytes of the response. */
uint32_t bed_command(struct bed *bed, int queue, const void *cmd, size_t len, void *response,
                     size_t room);

/* The usual commands; each returns the response's type. */
uint32_t bed_create_2d(struct bed *bed, uint32_t id, uint32_t format, uint32_t w, uint32_t h);
uint32_t bed_attach(struct bed *bed, uint32_t id, const struct virtio_gpu_mem_entry *entries,
                    unsigned n);
uint32_t bed_transfer(struct bed *bed, uint32_t id, struct virtio_gpu_rect r, uint64_t offset);
uint32_t bed_set_scanout(struct bed *bed, unsigned scanout, uint32_t id, struct virtio_gpu_rect r);
uint32_t bed_flush(struct bed *bed, uint32_t id, struct virtio_gpu_rect r);
struct bed_pending bed_flush_fenced(struct bed *bed, uint32_t id, struct virtio_gpu_rect r,
                                    uint64_t fence);
uint32_t bed_create_blob(struct bed *bed, uint32_t id, uint64_t size,
                         const struct virtio_gpu_mem_entry *entries, unsigned n);
uint32_t bed_set_scanout_blob(struct bed *bed, unsigned scanout, uint32_t id, uint32_t w,
                              uint32_t h);
uint32_t bed_simple(struct bed *bed, uint32_t type, uint32_t id);
uint32_t bed_update_cursor(struct bed *bed, uint32_t id, uint32_t hot_x, uint32_t hot_y, uint32_t x,
                           uint32_t y);

/* The display's answers. */
void bed_done(struct bed *bed, unsigned scanout, uint32_t seq);
void bed_formats(struct bed *bed, const struct display_format *formats, unsigned n);
/* Lets go of all frames that were presented. */
void bed_forget_frames(struct bed *bed);
/* Unlocks the buffer of a frame that was presented. */
void bed_release(struct bed *bed, unsigned frame);
struct frame *bed_last(struct bed *bed);
/* Reads a pixel of a frame's shared-memory buffer, in the picture's coordinates. */
uint32_t bed_pixel(const struct frame *frame, uint32_t x, uint32_t y);

/* Pixels in guest memory. */
uint32_t *bed_ram(struct bed *bed, uint64_t gpa);

#endif
