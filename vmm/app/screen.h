/* SPDX-License-Identifier: MIT */
/*
 * The guest's screen and what the user does with it: the GPU process and its two sockets, the window,
 * and the input devices that the window's focus drives. Main loop.
 */
#ifndef VITRINE_APP_SCREEN_H
#define VITRINE_APP_SCREEN_H

struct channel_stats;
struct loop;
struct screen;
struct screen_options;
struct virtio_dev;
struct wayl_stats;

/* The devices of a screen, for virtio_pci_create(). */
#define SCREEN_MAX_DEVS 3

struct screen_events {
    /* The user closed the window. */
    void (*closed)(void *data);
};

/* Starts the GPU process and, unless options->headless, opens the window. NULL on failure, which is
 * logged. options and events outlive the screen. */
struct screen *screen_create(struct loop *loop, const struct screen_options *options,
                             const struct screen_events *events, void *data);
/* Closes the window; nothing is shown any more. Before the transports go. */
void screen_close(struct screen *screen);
/* After the transports are gone: ends the GPU process. Accepts NULL. */
void screen_destroy(struct screen *screen);

/* Fills in the devices; returns how many. */
unsigned screen_devs(struct screen *screen, struct virtio_dev *devs[SCREEN_MAX_DEVS]);

const struct channel_stats *screen_channel_stats(const struct screen *screen);
/* NULL when headless. */
const struct wayl_stats *screen_window_stats(const struct screen *screen);
/* "wayland", "headless" or "lost": where frames go. */
const char *screen_where(const struct screen *screen);

#endif
