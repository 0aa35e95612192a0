/* SPDX-License-Identifier: MIT */
/*
 * What travels between a GPU device and a display: buffers, frames that show them, and two tables of
 * functions, one for each direction. The two sides know nothing else of each other; they may be in
 * one process or joined by the frame channel (gpu/channel.h), which speaks both tables at each end.
 *
 * A buffer is memory that can be shown: a dmabuf or a shared-memory file. It is made once, imported
 * once, and shown in many frames; a frame is a value on the stack of whoever calls present. So
 * nothing is allocated for a flip.
 *
 * All of this is used on the loop thread of the process that it is in.
 */
#ifndef VITRINE_GPU_FRAME_H
#define VITRINE_GPU_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#define FRAME_MAX_PLANES 4
#define FRAME_MAX_DAMAGE 16
#define DISPLAY_MAX_SCANOUTS 16

struct frame_rect {
    uint32_t x, y, width, height; /* pixels */
};

struct frame_plane {
    int fd;                  /* owned by the buffer */
    uint32_t offset, stride; /* bytes */
};

enum frame_buffer_kind { FRAME_BUFFER_DMABUF, FRAME_BUFFER_SHM };

/* Which way pixels went from the guest's memory to the compositor; what the statistics name. */
enum frame_path {
    FRAME_PATH_UDMABUF, /* guest memory itself */
    FRAME_PATH_TEXTURE, /* a texture of the host's GPU */
    FRAME_PATH_BLIT,    /* a copy of the damaged rectangles that the GPU makes */
    FRAME_PATH_SHM,     /* one that the CPU makes */
    FRAME_PATH_COUNT,
};

struct frame_buffer;

/* What the buffer's maker wants to hear. */
struct frame_buffer_ops {
    /* Nobody shows the buffer any more: it may be drawn to. */
    void (*released)(struct frame_buffer *buffer);
    /* The last reference is gone: free it. The planes' fds are closed already. */
    void (*destroy)(struct frame_buffer *buffer);
};

/* What an importer keeps with a buffer, told when the buffer goes. One importer for each buffer. */
struct frame_import {
    void (*buffer_gone)(struct frame_import *import);
};

/* Embedded by its maker. Two counts: references keep the object, locks say that it is on screen or
 * on the way there. */
struct frame_buffer {
    const struct frame_buffer_ops *ops;
    struct frame_import *import; /* the importer's; NULL at first */
    enum frame_buffer_kind kind;
    enum frame_path path;
    uint32_t width, height; /* pixels */
    uint32_t fourcc;        /* DRM_FORMAT_* */
    uint64_t modifier;      /* DRM_FORMAT_MOD_*; meaningless for shm */
    unsigned n_planes;
    struct frame_plane plane[FRAME_MAX_PLANES];
    uint32_t id; /* unique among one maker's live buffers; the frame channel's name for it */
    unsigned refs, locks;
};

/* Starts with one reference and no lock; the rest of *buffer is set by its maker. */
void frame_buffer_init(struct frame_buffer *buffer, const struct frame_buffer_ops *ops);
void frame_buffer_ref(struct frame_buffer *buffer);
/* Accepts NULL. */
void frame_buffer_unref(struct frame_buffer *buffer);
/* Holds the buffer (with a reference) while it is shown; the last unlock calls ops->released. */
void frame_buffer_lock(struct frame_buffer *buffer);
void frame_buffer_unlock(struct frame_buffer *buffer);

/* One picture for one scanout. */
struct frame {
    struct frame_buffer *buffer;
    struct frame_rect source; /* the part of the buffer that is the picture */
    uint32_t seq;             /* counts this scanout's frames; done names it */
    bool y_inverted;          /* the first row in memory is the lowest of the picture */
    int acquire_fence; /* a sync_file to wait for before reading; -1: ready. Consumed by present */
    uint64_t copied;   /* bytes that the CPU copied to make this frame */
    /* For the statistics, since the scanout's last frame: */
    uint32_t draws;    /* the guest drew into what was on the screen (gpu/pace.h) */
    uint32_t withheld; /* fences were withheld from the guest, to pace it */
    unsigned n_damage; /* 0: nothing changed but the buffer is to be shown */
    struct frame_rect damage[FRAME_MAX_DAMAGE]; /* in the picture's coordinates */
};

/* A cursor image: shm, ARGB8888 with premultiplied alpha. */
struct frame_cursor {
    struct frame_buffer *buffer; /* NULL: the guest hides its cursor */
    uint32_t hot_x, hot_y;       /* pixels from the image's top left corner */
};

struct display_format {
    uint32_t fourcc;
    uint64_t modifier;
};

struct display_mode {
    uint32_t width, height;       /* pixels; 0×0: the output is disconnected */
    uint32_t refresh_mhz;         /* thousandths of a hertz; 0: unknown */
    uint32_t width_mm, height_mm; /* 0: unknown */
};

/* A display, seen from the GPU. Embedded by who implements it: wl, or the frame channel. */
struct display {
    const struct display_ops *ops;
};

/* A GPU, seen from the display. Embedded by who implements it: virtio-gpu, or the frame channel. */
struct producer {
    const struct display_events *events;
};

/* GPU → display. */
struct display_ops {
    /* Shows a frame. The display locks the buffer as long as it needs it, and answers with done. */
    void (*present)(struct display *display, unsigned scanout, const struct frame *frame);
    /* The guest turned the scanout off. (Every Linux mode set begins so: keep the window a while.) */
    void (*disable)(struct display *display, unsigned scanout);
    void (*cursor)(struct display *display, unsigned scanout, const struct frame_cursor *cursor);
    /* The guest moved its cursor: for displays whose pointer does not follow by itself. */
    void (*cursor_move)(struct display *display, unsigned scanout, int32_t x, int32_t y);
};

/* Display → GPU. */
struct display_events {
    /* What the guest should drive the scanout with. */
    void (*mode)(struct producer *producer, unsigned scanout, const struct display_mode *mode);
    /* The buffers that the display imports; n = 0 with shm only. Until this comes, nobody looks, and
     * nothing is presented. */
    void (*formats)(struct producer *producer, const struct display_format *formats, unsigned n);
    /* The next frame may be drawn: frame seq's callback came, or the window is hidden. Comes once for
     * each present, late ones included; the GPU presents one frame at a time and gathers damage until
     * then. (That a buffer was released needs no event: its last unlock says so.) */
    void (*done)(struct producer *producer, unsigned scanout, uint32_t seq);
    /* Whether nobody sees the scanout's window, and the refresh period of the screen that it is on (0:
     * unknown). Comes when either changes; at first, the window is seen. */
    void (*pace)(struct producer *producer, unsigned scanout, bool hidden, uint32_t period_ns);
    /* The buffer can't be shown as it is (the display logged why): present this scanout by shm. */
    void (*import_failed)(struct producer *producer, struct frame_buffer *buffer);
    /* Nobody looks any more, until formats comes again: the compositor went away. Sent by the frame
     * channel for its owner, not by displays. */
    void (*unwatched)(struct producer *producer);
};

#endif
