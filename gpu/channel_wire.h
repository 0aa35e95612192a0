/* SPDX-License-Identifier: MIT */
/*
 * The frame channel's messages. Each is one SOCK_SEQPACKET datagram of exactly its structure's size,
 * in the host's byte order (both ends are the same program on the same machine), with fds by
 * SCM_RIGHTS. Reserved fields are zero. Of DONE and RELEASED, several may share a datagram: a flip's end
 * then costs one system call at each end.
 *
 * A buffer is named by a slot, which is reused, and a serial, which is not: so that an answer that
 * speaks of a slot's former buffer is recognised.
 */
#ifndef VITRINE_GPU_CHANNEL_WIRE_H
#define VITRINE_GPU_CHANNEL_WIRE_H

#include <stdint.h>

#include "gpu/channel.h"
#include "gpu/frame.h"

#define CHANNEL_MAX_SLOTS 256
#define CHANNEL_MAX_FORMATS 4096
#define CHANNEL_FORMATS_CHUNK 16
#define CHANNEL_NO_SLOT UINT32_MAX
/* Frames of one scanout that may wait for their done at a time. */
#define CHANNEL_MAX_OUTSTANDING 4
#define CHANNEL_MAX_SIZE 16384 /* pixels of a buffer, each way */
#define CHANNEL_MAX_CURSOR 256

enum channel_type {
    /* GPU → machine */
    CHANNEL_BUFFER_NEW = 1, /* fds: one for each plane */
    CHANNEL_BUFFER_GONE,
    CHANNEL_PRESENT, /* fds: the acquire fence, or none */
    CHANNEL_DISABLE,
    CHANNEL_CURSOR,
    CHANNEL_CURSOR_MOVE,
    CHANNEL_ABOUT,
    /* machine → GPU */
    CHANNEL_MODE = 0x101,
    CHANNEL_FORMATS,
    CHANNEL_DONE,
    CHANNEL_PACE,
    CHANNEL_RELEASED,
    CHANNEL_IMPORT_FAILED,
    CHANNEL_UNWATCHED, /* a head alone */
};

struct channel_head {
    uint32_t type;
    uint32_t scanout; /* zero where none is meant */
};

struct channel_buffer_new {
    struct channel_head head;
    uint32_t slot, serial;
    uint32_t kind; /* enum frame_buffer_kind */
    uint32_t path; /* enum frame_path */
    uint32_t width, height, fourcc, n_planes;
    uint64_t modifier;
    struct {
        uint32_t offset, stride;
    } plane[FRAME_MAX_PLANES];
};
_Static_assert(sizeof(struct channel_buffer_new) == 80, "wire size");

/* BUFFER_GONE, RELEASED and IMPORT_FAILED. */
struct channel_buffer_ref {
    struct channel_head head;
    uint32_t slot, serial;
    /* RELEASED: of the PRESENTs and CURSORs of this buffer that were sent, so many are over. */
    uint32_t uses;
    uint32_t reserved;
};
_Static_assert(sizeof(struct channel_buffer_ref) == 24, "wire size");

struct channel_present {
    struct channel_head head;
    uint32_t slot, seq;
    struct frame_rect source;
    uint32_t y_inverted, n_damage;
    uint64_t copied;
    uint32_t draws, withheld;
    struct frame_rect damage[FRAME_MAX_DAMAGE];
};
_Static_assert(sizeof(struct channel_present) == 56 + 16 * FRAME_MAX_DAMAGE, "wire size");

struct channel_disable {
    struct channel_head head;
};
_Static_assert(sizeof(struct channel_disable) == 8, "wire size");

struct channel_cursor {
    struct channel_head head;
    uint32_t slot; /* or CHANNEL_NO_SLOT: hidden */
    uint32_t hot_x, hot_y;
    uint32_t reserved;
};
_Static_assert(sizeof(struct channel_cursor) == 24, "wire size");

struct channel_cursor_move {
    struct channel_head head;
    int32_t x, y;
};
_Static_assert(sizeof(struct channel_cursor_move) == 16, "wire size");

/* What draws, for the user: text that ends with a zero. The first message of a GPU process. */
struct channel_about {
    struct channel_head head;
    char backend[CHANNEL_NAME_SIZE], renderer[CHANNEL_RENDERER_SIZE];
};
_Static_assert(sizeof(struct channel_about) == 152, "wire size");

struct channel_mode {
    struct channel_head head;
    uint32_t width, height, refresh_mhz, width_mm, height_mm, reserved;
};
_Static_assert(sizeof(struct channel_mode) == 32, "wire size");

/* All formats, a chunk at a time: entries [first, first + n) of total. */
struct channel_formats {
    struct channel_head head;
    uint32_t first, n, total, reserved;
    struct {
        uint32_t fourcc, reserved;
        uint64_t modifier;
    } format[CHANNEL_FORMATS_CHUNK];
};
_Static_assert(sizeof(struct channel_formats) == 24 + 16 * CHANNEL_FORMATS_CHUNK, "wire size");

struct channel_done {
    struct channel_head head;
    uint32_t seq, reserved;
};
_Static_assert(sizeof(struct channel_done) == 16, "wire size");

struct channel_pace {
    struct channel_head head;
    uint32_t hidden, period_ns;
};
_Static_assert(sizeof(struct channel_pace) == 16, "wire size");

union channel_msg {
    struct channel_head head;
    struct channel_buffer_new buffer_new;
    struct channel_buffer_ref buffer_ref;
    struct channel_present present;
    struct channel_disable disable;
    struct channel_cursor cursor;
    struct channel_cursor_move cursor_move;
    struct channel_about about;
    struct channel_mode mode;
    struct channel_formats formats;
    struct channel_done done;
    struct channel_pace pace;
};

#endif
