/* SPDX-License-Identifier: MIT */
/*
 * The windows and all that they share. wayl.c is the life of it and what its owner asks for; wiring.c is
 * what its parts say to each other, to the producer and to the owner: their tables of functions.
 */
#ifndef VITRINE_WL_WAYL_INTERNAL_H
#define VITRINE_WL_WAYL_INTERNAL_H

#include <stdbool.h>

#include "gpu/frame.h"
#include "wl/buffer.h"
#include "wl/connection.h"
#include "wl/cursor.h"
#include "wl/formats.h"
#include "wl/manners.h"
#include "wl/outputs.h"
#include "wl/seat.h"
#include "wl/shell.h"
#include "wl/wayl.h"
#include "wl/window.h"

struct wayl {
    struct display display;
    const struct wayl_events *events;
    void *data;
    bool ended;                /* the compositor is gone, or we are going */
    bool apart;                /* wayl_set_apart() */
    struct producer *producer; /* or NULL */
    struct wayl_stats stats;
    struct wayl_connection conn;
    struct wayl_formats formats;
    struct wayl_outputs outputs;
    struct wayl_seats seats;
    struct wayl_importer importer;
    struct wayl_manners_shared manners;
    struct wayl_shells shells;
    struct wayl_window_context context;
    char app_id[256];
    unsigned n_windows; /* that there may be */
    struct wayl_window window[DISPLAY_MAX_SCANOUTS];
    struct wayl_cursor cursor[DISPLAY_MAX_SCANOUTS];
};

/* The compositor is gone. */
void wayl_lost(struct wayl *wayl);

/* wiring.c's. */
extern const struct display_ops wayl_wiring_display;
extern const struct wayl_window_ops wayl_wiring_window;
extern const struct wayl_importer_ops wayl_wiring_importer;
extern const struct wayl_seats_ops wayl_wiring_seats;
extern const struct wayl_outputs_ops wayl_wiring_outputs;
extern const struct wayl_connection_ops wayl_wiring_conn;
/* Tells the producer what the compositor takes. */
void wayl_wiring_formats(struct wayl_formats *formats);

#endif
