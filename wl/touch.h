/* SPDX-License-Identifier: MIT */
/*
 * A seat's touchscreen over our windows: each finger by a number that no other finger of any seat has.
 * Fingers that are down when the window, the screen or the seat goes are lifted.
 */
#ifndef VITRINE_WL_TOUCH_H
#define VITRINE_WL_TOUCH_H

#include <stdbool.h>
#include <stdint.h>

struct wayl_seats;
struct wl_seat;

/* More have no person and no guest (input/gate.h has 10 slots). */
#define WAYL_FINGERS 16

struct wayl_finger {
    int window;   /* WAYL_NO_WINDOW: not down */
    bool on_bars; /* of that window (struct wayl_pointer) */
    int32_t id;   /* the compositor's */
};

struct wayl_touch {
    struct wayl_seats *seats;
    struct wl_touch *wl; /* NULL: none */
    int32_t first;       /* the number of the first finger; the others' follow */
    struct wayl_finger finger[WAYL_FINGERS];
};

void wayl_touch_start(struct wayl_touch *touch, struct wayl_seats *seats, struct wl_seat *seat,
                      int32_t first);
void wayl_touch_stop(struct wayl_touch *touch);
/* A window goes: its fingers are lifted. WAYL_NO_WINDOW: all. */
void wayl_touch_lift(struct wayl_touch *touch, int window);

#endif
