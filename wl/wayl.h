/* SPDX-License-Identifier: MIT */
/*
 * The VM's windows on the user's Wayland desktop: one xdg_toplevel for each scanout that is plugged in,
 * shown at once, with a line of text until the guest's first picture comes; the focus, keys and pointer
 * of those windows go to an input sink. The producer is told what mode each window wants, and that it wants none
 * (0×0) while it is closed.
 *
 * It is a display (gpu/frame.h): frames come in by display_ops, and display_events go to the producer
 * that wayl_set_producer() names. Everything belongs to the thread that runs the loop, and nothing
 * waits for the compositor once wayl_create() has returned.
 *
 * When `done` comes: once the frame callback of its commit has come and the compositor has let go of
 * the buffer that the frame replaced, so that a double-buffered guest follows the display's rate and
 * draws into nothing that is on screen. If there is no callback for 200 ms, the compositor is asked
 * whether it is alive; if there is none for 200 ms more after its answer, the window is hidden: from
 * then on until the next callback its frames are done after one refresh period, so that it stalls
 * nobody and spins nobody either. The same holds when the compositor is silent for 2 s, or gone. A frame that
 * waits for its fence, or for that of the frame before it, has 2 s to be drawn before all this begins. `done`
 * never comes from within the present of its own frame; that of a frame which was replaced before it
 * could be shown may come from within the present of a newer one.
 */
#ifndef VITRINE_WL_WAYL_H
#define VITRINE_WL_WAYL_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "wl/latency.h"

struct input_sink;
struct loop;
struct wayl;

/* What the guest's screen shows, as a hint to the compositor. */
enum wayl_content { WAYL_CONTENT_ANY, WAYL_CONTENT_PHOTO, WAYL_CONTENT_VIDEO, WAYL_CONTENT_GAME };

/* When the user's session may turn idle, and so blank or lock the screen, though the window is seen. */
enum wayl_idle { WAYL_IDLE_UNLESS_FULLSCREEN, WAYL_IDLE_ALWAYS, WAYL_IDLE_NEVER };

/* What the windows ask of the desktop, where it can. */
struct wayl_manners_config {
    enum wayl_content content;
    enum wayl_idle idle;
    bool tearing;     /* pictures may be shown at once, torn */
    bool bare;        /* no title bar and no borders */
    const char *icon; /* a name of the icon theme's, copied; or NULL */
};

struct wayl_config {
    const char *app_id;     /* the windows' application id; copied */
    const char *title;      /* copied; with several outputs, their number is put behind it */
    unsigned n_outputs;     /* windows at first: 1 to DISPLAY_MAX_SCANOUTS, for scanouts 0 and on */
    unsigned max_outputs;   /* windows ever, at most DISPLAY_MAX_SCANOUTS; less: n_outputs */
    uint32_t width, height; /* logical pixels of each at first: 1 to 16384 */
    struct wayl_manners_config manners;
    const char *hotkey; /* captures and releases (wl/hotkey.h); NULL: WAYL_HOTKEY_DEFAULT */
    bool confine;       /* it confines the pointer to the window, instead of locking it */
    bool lock_on_click; /* a click locks the pointer where the guest has hidden its cursor */
    bool
        fullscreen; /* the windows at first; the hotkey's modifiers with F change it for one, those with M
                      * maximise it and back */
    bool fill; /* a picture of another shape than its window's is distorted, not put between bars */
    bool hud;  /* frame timing is drawn over the windows (wl/hud.h) */
    unsigned hidden_ms; /* the two times above; 0: 200 */
    unsigned settle_ms; /* how long a guest may take to follow a size (wl/follow.h); 0: 100 */
    const char *root;   /* for tests: the folder that stands for / in looking for devices; or NULL.
                             * Outlives the windows */
};

/* What the windows' owner wants to hear; any may be NULL. Called from the loop; wayl_destroy() must not
 * be called in them. */
struct wayl_events {
    /* The user asked for this scanout's window to be closed. It stays until wayl_close(), which may be
     * called in this. */
    void (*close)(void *data, unsigned scanout);
    /* What the guest should drive a scanout with has changed, as the producer hears too. */
    void (*mode)(void *data, unsigned scanout, const struct display_mode *mode);
    /* The compositor went away or called us wrong; one line that says why was logged. All buffers are
     * let go of, focus and pressed keys too, and what is presented from now on is shown nowhere. Comes
     * once. */
    void (*lost)(void *data);
};

/* How the compositor is kept from reading a frame that is not drawn yet; the best means first. */
enum wayl_fence {
    WAYL_FENCE_POINT,  /* it waits for a point on a timeline (linux-drm-syncobj) */
    WAYL_FENCE_DMABUF, /* the kernel lets it wait (DMA_BUF_IOCTL_IMPORT_SYNC_FILE) */
    WAYL_FENCE_WAITED, /* the frame is committed when it is drawn */
    WAYL_FENCE_COUNT,
};

/* What happened since wayl_create(), all windows together. */
struct wayl_stats {
    uint64_t presented; /* frames committed to the compositor */
    uint64_t shown;     /* of those, presentation-time said that they were on screen */
    uint64_t callbacks; /* frame callbacks */
    uint64_t dropped;   /* frames replaced before they could be committed, or unshowable */
    uint64_t unpaced;   /* frames done without a frame callback: the window was hidden */
    uint64_t imports, import_failures; /* dmabufs */
    uint64_t path[FRAME_PATH_COUNT];   /* of presented: by each path */
    uint64_t copied;                   /* bytes that the CPU copied for the presented */
    uint64_t
        fences[WAYL_FENCE_COUNT]; /* frames that were not drawn yet when they came, by each means */
    enum frame_path last_path;    /* of the last presented; FRAME_PATH_COUNT: none yet */
    /* From a frame's arrival to when we hear that it is on screen (presentation-time), or, where the
     * compositor does not say, that the next one may be drawn (its frame callback). */
    struct wayl_latency latency;
};

/*
 * Connects to the compositor that WAYLAND_DISPLAY names and opens the windows. Waits for the
 * compositor's list of globals, at most 5 s. NULL where there is no compositor or it lacks what is
 * needed (wl_compositor, wl_shm, xdg_wm_base); one line that says so was logged. sink and events are
 * the caller's and outlive the windows.
 */
struct wayl *wayl_create(struct loop *loop, const struct wayl_config *config,
                         struct input_sink *sink, const struct wayl_events *events, void *data);
/* Closes the windows and lets go of all buffers; the producer hears nothing more. Accepts NULL. */
void wayl_destroy(struct wayl *wayl);

/* Opens a scanout's window, at run time too: the guest's monitor is plugged in. Harmless where it is
 * open. False where it could not be, which is logged, or the compositor is gone. */
bool wayl_open(struct wayl *wayl, unsigned scanout);
/* Closes it: the monitor is unplugged. Frames that come all the same are shown nowhere, and done at the
 * display's rate. Harmless where it is closed. */
void wayl_close(struct wayl *wayl, unsigned scanout);
bool wayl_is_open(const struct wayl *wayl, unsigned scanout);

/* Where frames go. Lives as long as the windows. */
struct display *wayl_display(struct wayl *wayl);
/* Who hears of modes, formats, done and pace from now on, or NULL: nobody. A new producer is told
 * mode, pace and formats at once; frames of an older one that are not done yet stay unanswered. */
void wayl_set_producer(struct wayl *wayl, struct producer *producer);

/* Tells the producer once more what is imported, whatever it was told meanwhile: it shows its pictures anew. */
void wayl_tell_formats(struct wayl *wayl);

/* The guest's pointer is moved by what the compositor doesn't know of, or no longer: its cursor is shown
 * where the guest has it, and not by the pointers over the windows. */
void wayl_set_apart(struct wayl *wayl, bool apart);
/* Whether the compositor has a seat with a touchscreen, or one with a tablet. Known as soon as wayl_create()
 * has returned; what comes later is not counted. */
bool wayl_has_touch(const struct wayl *wayl);
bool wayl_has_pen(const struct wayl *wayl);

/* Puts a note behind the windows' titles: "debian — graphics restarting"; NULL: none. A window that has
 * had no picture yet shows the note instead of that it waits for the guest. The note is not kept. */
void wayl_set_note(struct wayl *wayl, const char *note);

/* The guest stands still, and why, in a few words; or it goes on (NULL). The last picture is dimmed meanwhile, with
 * the words over it. They are not kept. */
void wayl_set_stands(struct wayl *wayl, const char *why);

/* Gives a window that many logical pixels, 1 to 16384. False where it is closed, or its size is not ours to choose:
 * it is maximised, tiled or fullscreen. */
bool wayl_resize(struct wayl *wayl, unsigned scanout, uint32_t width, uint32_t height);

/* Brings the first window to the front. token: of xdg-activation, by which whoever was told to do so may,
 * or NULL. False where there is no window, or the compositor has no means to. */
bool wayl_raise(struct wayl *wayl, const char *token);

/* The render node ("/dev/dri/renderD128") of the device that the compositor draws with, on which buffers
 * for it should be made. NULL where it named none, or none that we may use. Known as soon as
 * wayl_create() has returned. */
const char *wayl_main_device(const struct wayl *wayl);

const struct wayl_stats *wayl_stats(const struct wayl *wayl);

#endif
