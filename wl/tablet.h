/* SPDX-License-Identifier: MIT */
/*
 * A seat's drawing tablets (zwp_tablet_v2): their pens over our windows. The guest has one pen: the first
 * that comes near is it, until it leaves. Meanwhile the guest's cursor is where the guest has it, detached
 * from the host's pointer, because it is the pen that moves it. Pads (buttons, rings and strips beside the
 * tablet) are the desktop's.
 */
#ifndef VITRINE_WL_TABLET_H
#define VITRINE_WL_TABLET_H

#include <stdbool.h>

#include "input/sink.h"
#include "vmm/base/list.h"

struct wayl_pen;
struct wayl_seat;

struct wayl_tablets {
    struct wayl_seat *seat;
    struct zwp_tablet_seat_v2 *wl; /* NULL: none */
    struct list tablets, pens;     /* tablet.c's */
};

/* On a seat that is new; harmless where the compositor speaks of no tablets. */
void wayl_tablets_start(struct wayl_tablets *tablets, struct wayl_seat *seat);
void wayl_tablets_stop(struct wayl_tablets *tablets);
/* Whether there is a tablet. */
bool wayl_tablets_any(const struct wayl_tablets *tablets);
/* A window goes: the pens over it leave. */
void wayl_tablets_window_gone(struct wayl_tablets *tablets, unsigned scanout);

#endif
