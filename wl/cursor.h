/* SPDX-License-Identifier: MIT */
/*
 * The pointer's image over a window: the guest's, as its cursor plane has it, with its hotspot. The
 * compositor moves it, so it follows the hand even when the guest is busy. Where the guest shows none
 * the pointer is invisible over the window: the guest draws its own, or wants none.
 */
#ifndef VITRINE_WL_CURSOR_H
#define VITRINE_WL_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

struct frame_cursor;
struct wayl_connection;
struct wayl_importer;
struct wl_pointer;

struct wayl_cursor {
    struct wayl_connection *conn;
    struct wayl_importer *importer;
    unsigned place;             /* the importer's */
    struct wl_surface *surface; /* NULL: no image has come yet, or the compositor is gone */
    bool shown;
    int32_t hot_x, hot_y;
};

void wayl_cursor_init(struct wayl_cursor *cursor, struct wayl_connection *conn,
                      struct wayl_importer *importer, unsigned place);
/* Before the connection is closed. */
void wayl_cursor_finish(struct wayl_cursor *cursor);

/* A new image, or none. The pointers over the window must be told by wayl_cursor_apply(). */
void wayl_cursor_set(struct wayl_cursor *cursor, const struct frame_cursor *frame_cursor);
/* Gives a pointer that is over the window its image; serial: of its enter event. */
void wayl_cursor_apply(const struct wayl_cursor *cursor, struct wl_pointer *pointer,
                       uint32_t serial);

#endif
