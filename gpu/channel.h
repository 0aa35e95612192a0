/* SPDX-License-Identifier: MIT */
/*
 * The frame channel: a SOCK_SEQPACKET pair between the GPU process and the machine, over which frames
 * go one way and the display's events the other. It speaks the two tables of gpu/frame.h at each end:
 *
 *   virtio-gpu → display_ops → [GPU's end] ═socket═ [machine's end] → display_ops → the windows
 *   virtio-gpu ← display_events ← [    ]  ═══════  [             ] ← display_events ← the windows
 *
 * The machine's end treats everything that arrives as hostile: a message that breaks a rule closes the
 * channel. Nothing is allocated for a frame, sending never blocks, and what waits to be sent is
 * bounded. Each end belongs to one loop. The messages are in gpu/channel_wire.h.
 */
#ifndef VITRINE_GPU_CHANNEL_H
#define VITRINE_GPU_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"

struct loop;

/* A connected pair: sock[0] and sock[1], close-on-exec, non-blocking. 0 or a negative errno. */
int channel_pair(int sock[2]);

/* The GPU's end. */
struct channel_gpu;

/* Takes sock, also where it fails (NULL; the reason is logged). closed is called once, from the loop,
 * when the peer is gone or broke the rules: frames then go nowhere; destroy may be called in it. */
struct channel_gpu *channel_gpu_create(struct loop *loop, int sock, struct producer *producer,
                                       void (*closed)(void *data), void *data);
/* Accepts NULL. Unlocks every buffer that was on screen. */
void channel_gpu_destroy(struct channel_gpu *channel);
struct display *channel_gpu_display(struct channel_gpu *channel);
/* Says what draws: the machine takes the process to be ready when this comes. What is too long for the
 * message is cut. */
void channel_gpu_about(struct channel_gpu *channel, const char *backend, const char *renderer);

/* The machine's end. It outlives GPU processes: it keeps the modes and formats that the display
 * announced, and tells them to each process that is connected. */
struct channel_machine;

/* What went over the channel since it was created; all scanouts and GPU processes together. */
struct channel_stats {
    uint64_t frames[FRAME_PATH_COUNT]; /* presented */
    uint64_t copied;                   /* bytes that the CPU copied to make them */
    uint64_t import_failures;
    uint64_t draws;         /* by the guest into what was on the screen (gpu/pace.h) */
    uint64_t withheld;      /* times that fences were withheld from the guest, to pace it */
    uint64_t dropped;       /* frames refused: more were outstanding than may be */
    unsigned buffers;       /* alive now */
    unsigned buffers_total; /* announced so far */
};

#define CHANNEL_NAME_SIZE 16
#define CHANNEL_RENDERER_SIZE 128

/* closed(data) is called once for each connection that ends by itself, from the loop: the GPU process
 * is gone, or broke the rules and is to be killed. NULL where memory is short. */
struct channel_machine *channel_machine_create(struct loop *loop, void (*closed)(void *data),
                                               void *data);
/* Accepts NULL. The display has let go of all buffers: set_display(channel, NULL) and destroy the
 * display, or let it drop them, first. */
void channel_machine_destroy(struct channel_machine *channel);
/* Connects a GPU process. Takes sock, also where it fails. 0 or a negative errno. */
int channel_machine_connect(struct channel_machine *channel, int sock);
/* From now on a connection that ends leaves its last pictures on the display, for a successor to replace
 * them; otherwise the scanouts go dark (ops->disable). */
void channel_machine_keep_pictures(struct channel_machine *channel);
/* Ends the connection, without a call of closed. */
void channel_machine_disconnect(struct channel_machine *channel);

/* Whom frames are shown by, or NULL, as at first: nobody (headless, or the compositor went away); the
 * GPU process then makes none. */
void channel_machine_set_display(struct channel_machine *channel, struct display *display);
/* Who sees each frame before the display does, buffer and all, in the call; or NULL, nobody, as at first. */
void channel_machine_set_tap(struct channel_machine *channel,
                             void (*tap)(void *data, unsigned scanout, const struct frame *frame),
                             void *data);
/* Where the display sends its events. Lives as long as the channel. */
struct producer *channel_machine_producer(struct channel_machine *channel);
const struct channel_stats *channel_machine_stats(const struct channel_machine *channel);
/* What the GPU process draws with, such as "virgl" and "LLVMPIPE (…)", or "2d" and "": printable text,
 * for the user alone. Empty until it has said so. */
const char *channel_machine_backend(const struct channel_machine *channel);
const char *channel_machine_renderer(const struct channel_machine *channel);

#endif
