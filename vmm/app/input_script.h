/* SPDX-License-Identifier: MIT */
/*
 * Input in words, for scripts, with spaces in between:
 *
 *   tap:NAME[+NAME]...   presses keys or buttons, and lets go of them the other way round
 *   down:NAME, up:NAME   one of the two
 *   at:X,Y[,N]           the pointer is at this place of monitor N (1), as fractions from 0 to 1
 *   move:DX,DY           the mouse moves, right and down
 *   wheel:H,V            the wheels turn by so many detents, right and down
 *
 * Names are evdev's, small and without KEY_ or with BTN_ for "btn-" (leftctrl, a, btn-left), or a code's number.
 */
#ifndef VITRINE_APP_INPUT_SCRIPT_H
#define VITRINE_APP_INPUT_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

struct input_sink;

/* Tells the sink; each word is a frame of its own. monitors: those that are there, a bit each. False where a word makes
 * no sense, or there is no such monitor: error says so, and nothing is told. */
bool input_script_run(const char *text, struct input_sink *sink, uint32_t monitors, char *error,
                      unsigned size);

#endif
