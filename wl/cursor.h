/* SPDX-License-Identifier: MIT */
/*
 * The guest's cursor plane over a window: its image, with its hotspot, as large as the picture's pixels
 * are there. Where the host's pointer and the guest's are one, it is the pointer's image: the compositor
 * moves it, so it follows the hand even when the guest is busy. Where they are not (the pointer is locked,
 * or a pen moves the guest's), it is `detached`: a subsurface at the place that the guest names
 * (cursor_plane.c), and the host's pointer is invisible.
 *
 * Where the guest shows no cursor the pointer is invisible over the window too: the guest draws its own,
 * or wants none. Until it has drawn anything, the pointer looks as the user's theme has it.
 */
#ifndef VITRINE_WL_CURSOR_H
#define VITRINE_WL_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

struct frame_cursor;
struct wayl_connection;
struct wayl_importer;
struct wayl_window;
struct wl_pointer;

enum wayl_cursor_state {
    WAYL_CURSOR_UNKNOWN, /* the guest has drawn nothing yet */
    WAYL_CURSOR_HIDDEN,
    WAYL_CURSOR_SHOWN,
};

/* A surface that shows the image. */
struct wayl_cursor_face {
    unsigned place;               /* the importer's */
    struct wl_surface *surface;   /* NULL: not needed yet, or the compositor is gone */
    struct wp_viewport *viewport; /* or NULL */
    bool stale;                   /* the image is newer than what the surface shows */
    bool mapped;                  /* it shows something */
    int32_t width, height;        /* logical pixels that the image takes */
    int32_t scale;                /* buffer pixels in one, without a viewport */
};

struct wayl_cursor {
    struct wayl_connection *conn;
    struct wayl_importer *importer;
    const struct wayl_window *window;
    enum wayl_cursor_state state;
    bool seen;                  /* the guest has shown one at some time */
    struct frame_buffer *image; /* locked; NULL unless shown */
    uint32_t image_hot_x, image_hot_y;
    int32_t hot_x, hot_y; /* logical pixels */
    struct wayl_cursor_face pointer, plane;
    struct wl_subsurface *subsurface; /* the plane's */
    unsigned detached;                /* who moves the guest's pointer without the host's */
    int32_t x, y;                     /* of the image's top left corner, the picture's pixels */
    bool moved;                       /* the plane isn't there yet */
    struct wl_callback *shown;        /* or NULL: the plane's last place has not been shown yet */
};

/* The places are the importer's, for one surface each. Window outlives the cursor. */
void wayl_cursor_init(struct wayl_cursor *cursor, struct wayl_connection *conn,
                      struct wayl_importer *importer, const struct wayl_window *window,
                      unsigned pointer_place, unsigned plane_place);
/* Before the connection is closed, and before the window is opened again. */
void wayl_cursor_finish(struct wayl_cursor *cursor);

/* A new image, or none. The pointers over the window must be told by wayl_cursor_apply() when the socket
 * has room. */
void wayl_cursor_set(struct wayl_cursor *cursor, const struct frame_cursor *frame_cursor);
/* The guest has drawn a picture; true where the pointers over the window must be told. */
bool wayl_cursor_guest_draws(struct wayl_cursor *cursor);
/* Gives a pointer that is over the window its image; serial: of its enter event. */
void wayl_cursor_apply(struct wayl_cursor *cursor, struct wl_pointer *pointer, uint32_t serial);
/* Whether the window's scale has changed since the image was fitted to it: apply it again. */
bool wayl_cursor_unfit(const struct wayl_cursor *cursor);

/* The guest's cursor is at (x, y) now, in the picture's pixels: its image's top left corner. */
void wayl_cursor_move(struct wayl_cursor *cursor, int32_t x, int32_t y);
/* Where its hotspot is, on the window's surface. */
void wayl_cursor_hotspot(const struct wayl_cursor *cursor, double *surface_x, double *surface_y);
/* Somebody begins or ends to move the guest's pointer without the host's. True where the pointers over
 * the window must be told. */
bool wayl_cursor_detach(struct wayl_cursor *cursor);
bool wayl_cursor_attach(struct wayl_cursor *cursor);
/* Brings the plane up to date, as far as the socket has room. */
void wayl_cursor_update_plane(struct wayl_cursor *cursor);

/* Between cursor.c and cursor_plane.c: makes a face show the image, if it does not yet; false where it
 * can't. And empties it, so that the compositor lets go of the image. */
bool wayl_cursor_face_show(struct wayl_cursor *cursor, struct wayl_cursor_face *face);
void wayl_cursor_face_hide(struct wayl_cursor_face *face);

#endif
