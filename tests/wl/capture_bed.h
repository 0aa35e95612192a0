/* SPDX-License-Identifier: MIT */
/* A window that captures: what the tests of the hotkey and of the guest's cursor share. The first seat, the
 * first window. */
#ifndef VITRINE_TESTS_WL_CAPTURE_BED_H
#define VITRINE_TESTS_WL_CAPTURE_BED_H

#include "tests/wl/fixture.h"

#define CTRL_ALT (4u | 8u)
#define HINT "A guest — Ctrl+Alt+G releases the pointer"
/* What the guest hears of the hotkey. */
#define HOTKEY_HEARD "key 29 1; frame; key 56 1; frame; key 56 0; frame; key 29 0; frame; "

struct compositor_seat *capture_seat(struct fixture *f);
struct compositor_surface *capture_window(struct fixture *f);
/* Gives the window the keyboard's focus, and the pointer in its middle. */
void capture_focus(struct fixture *f);
/* Presses the hotkey and lets go of it. */
void capture_press(struct fixture *f);
/* The same, and the compositor grants the lock and the shortcuts. */
void capture_take(struct fixture *f);
/* Nothing is asked for, and the title says nothing. */
void capture_assert_released(struct fixture *f);
/* The guest's cursor: its image (NULL: hidden), with the hotspot (4, 6), and its place. */
void capture_show_cursor(struct fixture *f, struct test_buffer *image);
void capture_move_cursor(struct fixture *f, int32_t x, int32_t y);

#endif
