/* SPDX-License-Identifier: MIT */
/* Both ends of a frame channel in one loop, with a GPU and a display at them that are played; or the
 * machine's end alone, for a test that plays the GPU process. */
#ifndef VITRINE_TESTS_DEVICE_CHANNEL_BED_H
#define VITRINE_TESTS_DEVICE_CHANNEL_BED_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/buffer.h"
#include "gpu/channel.h"

struct loop;

struct channel_bed {
    struct loop *loop;
    struct channel_machine *machine;
    struct channel_gpu *gpu;
    int raw; /* the peer of the machine's end, where the test plays the GPU process */
    unsigned machine_closed, gpu_closed;

    /* The GPU. */
    struct producer producer;
    struct gpu_buffer_owner owner;
    unsigned n_released, n_modes, n_formats_calls, n_done, n_failed, n_unwatched;
    struct gpu_buffer *released;
    struct display_mode mode;
    unsigned n_formats;
    struct display_format last_format;
    uint32_t done_seq;
    bool hidden;
    uint32_t period_ns;
    struct frame_buffer *failed;

    /* The display. */
    struct display display;
    bool lock;
    unsigned n_presents, n_disables, n_cursors, n_moves;
    struct frame frame; /* the last one; its buffer is referenced */
    struct frame_cursor cursor;
    int32_t x, y;
};

/* cmocka's fixtures: both ends, or the machine's with bed->raw as its peer. */
int channel_bed_set_up(void **state);
int channel_bed_set_up_machine(void **state);
int channel_bed_tear_down(void **state);

/* The callback for channel_gpu_create() that counts in a bed. */
void channel_bed_gpu_closed(void *data);

/* Runs the loop until nothing is under way. */
void channel_bed_settle(struct channel_bed *bed);
/* The display lets go of the frame and the cursor that it holds. */
void channel_bed_let_go(struct channel_bed *bed);

#endif
