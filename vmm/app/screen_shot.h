/* SPDX-License-Identifier: MIT */
/*
 * A picture of what the guest shows on a monitor, as a PNG file. The GPU process is told for a moment that the
 * display takes shared memory only, so it makes a copy of the picture, read back from the GPU where it is a texture; that
 * frame is taken on its way to the window, where there is one. Main loop; the file is written by a thread.
 */
#ifndef VITRINE_APP_SCREEN_SHOT_H
#define VITRINE_APP_SCREEN_SHOT_H

#include <stdint.h>

struct loop;
struct screen;
struct screen_shot;

/* done is called once, from the loop: error is NULL, or why there is no picture; the shot is gone by then. One at a
 * time. path is copied. NULL where memory is short. */
struct screen_shot *screen_shot_begin(
    struct loop *loop, struct screen *screen, unsigned scanout, const char *path,
    void (*done)(void *data, const char *error, uint32_t width, uint32_t height), void *data);
/* Waits for the thread; done is called now. Before screen_close(). Accepts NULL. */
void screen_shot_cancel(struct screen_shot *shot);

#endif
