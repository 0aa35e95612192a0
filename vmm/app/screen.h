/* SPDX-License-Identifier: MIT */
/*
 * The guest's screen and what the user does with it: the GPU process and its two sockets, the window,
 * and the input devices that the window's focus drives. Main loop.
 */
#ifndef VITRINE_APP_SCREEN_H
#define VITRINE_APP_SCREEN_H

#include <stdbool.h>
#include <stdint.h>

struct channel_stats;
struct display_mode;
struct frame;
struct input_devices;
struct loop;
struct screen;
struct screen_options;
struct virtio_dev;
struct wayl_stats;

/* The devices of a screen, for virtio_pci_create(): a graphics card, and at most all of enum gate_device. */
#define SCREEN_MAX_DEVS 22

struct screen_events {
    /* The user closed the last window, which stays. */
    void (*closed)(void *data);
    /* The GPU process of another program's front-end has ended, with this status (gpu_child.h); one of
     * ours is replaced. May be NULL. */
    void (*gpu_ended)(void *data, int status);
    /* The GPU process is gone and another one will come, or it has come. May be NULL. */
    void (*gpu_restarts)(void *data, bool up);
};

/* Starts the GPU process and, unless options->headless, opens the window. listener: a socket at which
 * the process waits for the front-end of another program (it stays the caller's, who may close it
 * now); -1: the screen has the front-end, and its device is in screen_devs(). NULL on failure, which
 * is logged. options and events outlive the screen. */
struct screen *screen_create(struct loop *loop, const struct screen_options *options, int listener,
                             const struct screen_events *events, void *data);
/* Closes the window; nothing is shown any more. Before the transports go. */
void screen_close(struct screen *screen);
/* After the transports are gone: ends the GPU process. Accepts NULL. */
void screen_destroy(struct screen *screen);

/* Fills in the devices, without a listener; returns how many. */
unsigned screen_devs(struct screen *screen, struct virtio_dev *devs[SCREEN_MAX_DEVS]);

/* Replaces the GPU process. NULL, or why it could not be done. */
const char *screen_restart_gpu(struct screen *screen);

/* Puts a note behind the windows' titles, or none (NULL). It outlives the screen. */
void screen_set_note(struct screen *screen, const char *note);

/* The guest stands still, for that reason, which is shown over its last picture and is the titles' note; or it
 * goes on, and there is no note (NULL). It outlives the screen. */
void screen_set_stands(struct screen *screen, const char *why);

/* Plugs a monitor in, which gets a window, or the one with the highest number out, unless it is the last.
 * NULL, or why it could not be done. */
const char *screen_plug(struct screen *screen);
const char *screen_unplug(struct screen *screen);
/* The same for a monitor by its number, from 0. */
const char *screen_unplug_one(struct screen *screen, unsigned scanout);
/* The window of a monitor gets another size, in logical pixels. */
const char *screen_resize(struct screen *screen, unsigned scanout, uint32_t width, uint32_t height);
/* What the guest is to drive the monitor with; 0×0: it is not plugged in, or we are headless. */
const struct display_mode *screen_monitor(const struct screen *screen, unsigned scanout);

/* What the window's focus drives; NULL when headless. */
struct input_devices *screen_input(struct screen *screen);

/* Input from a script (input_script.h), which the guest gets whatever has the focus. NULL, or why it could not be
 * done; the text is the screen's. */
const char *screen_send_input(struct screen *screen, const char *text);

/* Who sees each frame on its way to the window, in shared memory as long as somebody does; or NULL, nobody any more. For
 * screen_shot.c. */
void screen_tap(struct screen *screen,
                void (*tap)(void *data, unsigned scanout, const struct frame *frame), void *data);

/* Brings the window to the front (wayl_raise()). */
bool screen_raise(struct screen *screen, const char *token);

const struct channel_stats *screen_channel_stats(const struct screen *screen);
/* NULL when headless. */
const struct wayl_stats *screen_window_stats(const struct screen *screen);
/* What the guest's graphics are drawn by: "virgl" and the renderer's name, or "2d" and "". */
const char *screen_backend(const struct screen *screen);
const char *screen_renderer(const struct screen *screen);
/* How often the GPU process died and was replaced. */
unsigned screen_gpu_restarts(const struct screen *screen);
/* "wayland", "headless" or "lost": where frames go. */
const char *screen_where(const struct screen *screen);

#endif
