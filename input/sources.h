/* SPDX-License-Identifier: MIT */
/*
 * The host's input devices that are the VM's, read through libinput: named ones, which are taken again
 * when they are plugged in again, and whole seats. Each spec is one source of the gate. All in the main
 * loop, which libinput never makes wait.
 *
 * Devices are opened here, with the user's rights. While a source's events are nobody's, its devices are
 * not read, so that a mouse moved in another window wakes no VM.
 */
#ifndef VITRINE_INPUT_SOURCES_H
#define VITRINE_INPUT_SOURCES_H

#include <stdbool.h>

#include "input/gate.h"
#include "input/source_spec.h"

struct loop;
struct sources;

/* Opens what the n specs name, which outlive the sources. shared: the windows' own input is the guest's,
 * too (GATE_SHARED). NULL after one line that says what can't be had and what would help. */
struct sources *sources_create(struct loop *loop, const struct source_spec *specs, unsigned n,
                               bool shared);
/* Gives the devices back. Before the gate goes. Accepts NULL. */
void sources_destroy(struct sources *sources);

/* Whether a touchscreen, or a pen, is among the devices now whose events will be the guest's. */
bool sources_have_touchscreen(const struct sources *sources);
bool sources_have_pen(const struct sources *sources);

/* From now on events go to the gate, which has no source yet but the windows. */
void sources_attach(struct sources *sources, struct gate *gate);

#endif
