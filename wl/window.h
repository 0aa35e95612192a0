/* SPDX-License-Identifier: MIT */
/*
 * A scanout's window: an xdg_toplevel that is there as soon as it is opened, black where the guest shows
 * nothing. window.c is its life and its size (by the rules of layout.c, with what scale.c knows, black by
 * bars.c beside the picture, dimmed by veil.c; follow.c tells the guest), shell.c what makes a window of its surface, frames.c
 * the way of the guest's frames onto it, sync.c their fences, feedback.c when they were seen. A window that is not open is hidden, and answers
 * frames like one.
 *
 * A frame is `pending` from present until it is committed: its buffer may still be on its way into the
 * compositor, its fence unsignalled, the window not configured, the socket full. A newer frame takes its
 * place. Each frame presented is `owed` a done; see wl/wayl.h for when it comes.
 */
#ifndef VITRINE_WL_WINDOW_H
#define VITRINE_WL_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "vmm/base/loop.h"
#include "wl/bars.h"
#include "wl/follow.h"
#include "wl/layout.h"
#include "wl/manners.h"
#include "wl/placeholder.h"
#include "wl/scale.h"
#include "wl/shell.h"
#include "wl/sync.h"
#include "wl/veil.h"

struct wayl_buffer;
struct wayl_connection;
struct wayl_explicit;
struct wayl_formats;
struct wayl_hud;
struct wayl_importer;
struct wayl_stats;
struct wayl_window;

#define WAYL_OWED_MAX 8
#define WAYL_FEEDBACKS_MAX 8
/* After this long without a frame callback, the compositor is asked whether it is alive; a window that
 * has none for as long again after its answer is hidden. Unless the config says otherwise. */
#define WAYL_HIDDEN_NS 200000000ull
/* How long the compositor may take for that answer. */
#define WAYL_SILENT_NS 2000000000ull
/* How long a frame may take to be drawn until whoever draws is told to go on. */
#define WAYL_DRAWN_NS 2000000000ull
/* How long the last picture stays when the guest turns a scanout off: a mode set takes less. */
#define WAYL_BLANK_NS 500000000ull
/* The display's period where it is not known. */
#define WAYL_PERIOD_NS 16666667u

/* The importer's places of each window, one for each surface that shows buffers of the guest's; those of
 * window n begin at n × WAYL_PLACES. */
enum wayl_place { WAYL_PLACE_PICTURE, WAYL_PLACE_POINTER, WAYL_PLACE_PLANE, WAYL_PLACES };

struct wayl_window_ops {
    void (*close)(struct wayl_window *window);
    void (*done)(struct wayl_window *window, uint32_t seq);
    /* Whether it is hidden, or its period, has changed. */
    void (*pace)(struct wayl_window *window);
    /* What the guest should drive it with; 0×0: it is closed. */
    void (*mode)(struct wayl_window *window, const struct display_mode *mode);
    void (*import_failed)(struct wayl_window *window, struct frame_buffer *buffer);
};

struct wayl_window_context {
    const struct wayl_window_ops *ops;
    struct loop *loop;
    struct wayl_connection *conn;
    struct wayl_importer *importer;
    struct wayl_explicit *explicit; /* or NULL: implicit synchronisation only */
    struct wayl_manners_shared *manners;
    struct wayl_shells *shells;
    struct wayl_formats *formats;
    const struct wayl_outputs *outputs;
    struct wayl_stats *stats;
    const char *app_id;     /* for all windows */
    uint32_t width, height; /* of a window at first, logical pixels */
    bool fill;              /* pictures of another shape, instead of bars beside them */
    bool fullscreen;        /* a window at first */
    bool hud;               /* frame timing is drawn over it */
    uint64_t hidden_ns, settle_ns;
};

/* One presentation-time feedback under way. */
struct wayl_feedback {
    struct wayl_window *window;
    struct wp_presentation_feedback *proxy; /* NULL: free */
    uint64_t came_ns;                       /* when its frame came */
};

struct wayl_frames {
    bool has_pending;
    struct frame pending;             /* its buffer is locked, its fence ours */
    uint64_t pending_ns;              /* when it came */
    bool missed;                      /* one was dropped since the last commit, with its damage */
    uint32_t owed[WAYL_OWED_MAX + 1]; /* seqs, the oldest first; one more while one is presented */
    unsigned n_owed;
    unsigned n_committed;         /* of owed, those that the last commit answers for */
    struct wl_callback *probe;    /* or NULL: a wl_display.sync that tells slow from hidden */
    bool probed;                  /* it was answered, and no frame callback has come since */
    struct wl_callback *callback; /* or NULL: none under way */
    uint64_t callback_ns;         /* when the frame came that it is for */
    struct wayl_buffer *current;  /* what was attached last, while it is busy */
    struct wayl_buffer *replaced; /* what that one replaced, while it is busy */
    bool hidden;
    struct loop_timer timer;
    struct loop_timer blank;
    struct wayl_feedback feedback[WAYL_FEEDBACKS_MAX];
};

/* Messages are at most 4096 bytes long. */
#define WAYL_TITLE_MAX 256
#define WAYL_NOTE_MAX 128

struct wayl_window {
    const struct wayl_window_context *context;
    unsigned scanout;
    char title[WAYL_TITLE_MAX];                    /* in UTF-8 */
    char note[WAYL_NOTE_MAX], hint[WAYL_NOTE_MAX]; /* what follows it; may be empty */
    struct wl_surface *surface;                    /* NULL: not open, or the compositor is gone */
    struct wayl_shell shell;
    struct wp_viewport *viewport;   /* or NULL */
    struct wayl_placeholder black;  /* where there is no picture any more, and beside one */
    struct wayl_placeholder status; /* where there is none yet */
    bool pictured;                  /* since it was opened, it has shown one */
    bool configured;
    struct wayl_layout layout;
    struct wayl_scale scale;
    struct wayl_follow follow;
    struct wayl_bars bars;
    struct wayl_veil veil;
    char stands[WAYL_VEIL_TEXT_MAX]; /* why the guest stands still; empty: it does not */
    struct wayl_hud *hud;            /* or NULL */
    struct { /* of the layout, as the compositor was told last; all 0: not yet */
        struct wayl_size window;
        struct frame_rect shown;
        uint32_t buffer_scale;
    } staged;
    uint32_t period_ns; /* the display's */
    struct wayl_frames frames;
    struct wayl_sync sync;
    struct wayl_manners manners;
};

/* A window that is not open. False is logged. Call finish in any case. */
bool wayl_window_init(struct wayl_window *window, const struct wayl_window_context *context,
                      unsigned scanout, const char *title);
/* Opens it; it appears when the compositor has configured it. False is logged, and it is closed. */
bool wayl_window_open(struct wayl_window *window);
/* The guest's monitor is unplugged, and the window goes; it can be opened again. Before the importer
 * drops the window's buffers. */
void wayl_window_close(struct wayl_window *window);
/* The screens, or what they are scaled by, have changed. */
void wayl_window_update(struct wayl_window *window);
/* Another size, as wayl_resize() has it. */
bool wayl_window_resize(struct wayl_window *window, uint32_t width, uint32_t height);
/* Asks the compositor for it: fullscreen on the screen that the window is on, maximised, or back again. */
void wayl_window_toggle_fullscreen(struct wayl_window *window);
void wayl_window_toggle_maximized(struct wayl_window *window);
/* The title is followed by a note on the machine, or not (NULL), which also stands in a window that has
 * had no picture yet, and that by a hint on how to get back what
 * the window has captured, or not. */
void wayl_window_set_note(struct wayl_window *window, const char *note);
void wayl_window_set_hint(struct wayl_window *window, const char *hint);
/* The guest stands still, for that reason, or goes on (NULL): the last picture is dimmed meanwhile (wl/veil.h). */
void wayl_window_set_stands(struct wayl_window *window, const char *why);
/* The compositor is gone: the window lives on without it. Before the connection is closed and before
 * the importer drops its buffers. */
void wayl_window_lost(struct wayl_window *window);
void wayl_window_finish(struct wayl_window *window);

/* For frames.c: what the next commit says of the window's size, for a frame's picture, or for the black
 * of 1×1 or the window's size (NULL). */
void wayl_window_stage(struct wayl_window *window, const struct frame *frame);
/* For feedback.c: the period of the screen that shows the window. */
void wayl_window_set_period(struct wayl_window *window, uint32_t period_ns);
/* Black instead of the last picture, at once; before the first one, with what the machine does. */
void wayl_window_blacken(struct wayl_window *window);

/* A frame that came then was shown. */
void wayl_window_shown(struct wayl_window *window, uint64_t came_ns);

/* Asks when the pending frame, which is committed next, is on screen, and for how long. */
void wayl_feedback_begin(struct wayl_window *window);
void wayl_feedback_end_all(struct wayl_window *window);

bool wayl_frames_init(struct wayl_window *window);
void wayl_frames_present(struct wayl_window *window, const struct frame *frame);
void wayl_frames_disable(struct wayl_window *window);
/* Something that a pending frame may wait for has changed. */
void wayl_frames_kick(struct wayl_window *window);
/* The compositor says that nobody sees the window. */
void wayl_frames_hidden(struct wayl_window *window);
/* The window was opened: until it shows that it is hidden, it is seen. */
void wayl_frames_seen(struct wayl_window *window);
void wayl_frames_released(struct wayl_window *window, struct wayl_buffer *buffer);
/* A new producer: the old one's frames are answered no more. */
void wayl_frames_forget(struct wayl_window *window);
/* The compositor is gone. */
void wayl_frames_lost(struct wayl_window *window);
void wayl_frames_finish(struct wayl_window *window);

#endif
