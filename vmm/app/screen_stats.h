/* SPDX-License-Identifier: MIT */
/* A screen's statistics, for the control socket. Main loop. */
#ifndef VITRINE_APP_SCREEN_STATS_H
#define VITRINE_APP_SCREEN_STATS_H

struct json_object;
struct screen;

/* Adds "frames", as they left the GPU process, and "window", as they were shown, if there is one. */
void screen_add_stats(const struct screen *screen, struct json_object *to);

/* `displays`: what monitors the guest has, an object each. */
void screen_add_displays(const struct screen *screen, struct json_object *to);

#endif
