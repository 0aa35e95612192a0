/* SPDX-License-Identifier: MIT */
/* The whole GPU process in the hands of a test: a guest's driver over vhost-user on one socket, a display
 * behind the frame channel on the other. The process can be killed; the driver, the display, the journal
 * and the table of chains in flight live on for a successor. */
#ifndef VITRINE_TESTS_DEVICE_PROCESS_BED_H
#define VITRINE_TESTS_DEVICE_PROCESS_BED_H

#include <linux/virtio_gpu.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "gpu/frame.h"
#include "gpu/virtio_gpu.h"
#include "tests/device/driver.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
/* The picture on the scanouts. */
#define W 64u
#define H 32u
#define QUEUE_SIZE 64

struct process_bed {
    struct loop *loop;
    struct virtio_gpu_options gpu; /* what each process is started with */
    pid_t child;
    struct driver *driver; /* NULL: it has hung up, and the process has ended */
    struct channel_machine *channel;
    int journal;
    unsigned closed; /* the frame channel did, by itself */

    struct display display;
    unsigned n_presents, n_disables, n_cursors;
    uint32_t seq, pixel; /* the last frame's number and its first pixel */
    bool cursor_shown;
    uint32_t cursor_pixel, hot_x;
};

/* A process with EDID, blobs and 3D as far as it has that, and nobody's pictures on it. gpu is copied; what
 * it points at outlives the bed. */
struct process_bed *process_bed_create(const struct virtio_gpu_options *gpu);
/* The driver hangs up: the process ends with status 0, or the test fails. */
void process_bed_end(struct process_bed *bed);
void process_bed_destroy(struct process_bed *bed);

/* For cmocka: a process without OpenGL. */
int process_bed_set_up(void **state);
int process_bed_tear_down(void **state);

void process_bed_kill(struct process_bed *bed);
void process_bed_take_over(struct process_bed *bed);

/* Waits for the n-th frame since the bed was made. */
void process_bed_wait(struct process_bed *bed, unsigned n);
/* And lets the next one come. */
void process_bed_see(struct process_bed *bed, unsigned n);

/* A command on the control queue: the response's type. */
uint32_t process_bed_request(struct process_bed *bed, const void *cmd, size_t len);
/* A command of a resource's id alone. */
uint32_t process_bed_simple(struct process_bed *bed, uint32_t type, uint32_t id);
/* A blob of one entry for each page, every other page of memory, at least two. Its first page. */
uint32_t *process_bed_make_blob(struct process_bed *bed, uint32_t id, unsigned n_pages);
uint32_t process_bed_show_blob(struct process_bed *bed, uint32_t id);
uint32_t process_bed_flush(struct process_bed *bed, uint32_t id);

#endif
