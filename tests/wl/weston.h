/* SPDX-License-Identifier: MIT */
/*
 * The real weston, headless with its pixman renderer, in a directory of its own. It says by
 * sd_notify(3) when it is there.
 */
#ifndef VITRINE_TESTS_WL_WESTON_H
#define VITRINE_TESTS_WL_WESTON_H

#include <stdbool.h>
#include <sys/types.h>

struct weston {
    char dir[64];
    char notify[100];
    int notify_fd;
    pid_t pid;
};

/* False, with the reason printed, where weston is not installed. */
bool weston_is_here(void);
/* For cmocka: *state becomes the struct weston, and the environment names its socket. */
int weston_start(void **state);
/* The same, on a screen as large, 640 × 480, but with two pixels for each, both ways. */
int weston_start_scaled(void **state);
int weston_stop(void **state);
/* Ends it in the middle of a test. */
void weston_end(struct weston *weston, int signal);

#endif
