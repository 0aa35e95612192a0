/* SPDX-License-Identifier: MIT */
/*
 * The composition root: one virtual machine, put together from all the parts, and its life from
 * start to end. Only this folder sees everything.
 */
#ifndef VITRINE_APP_MACHINE_H
#define VITRINE_APP_MACHINE_H

#include "vmm/app/options.h"

struct machine;

/* Builds the machine: opens files, KVM, the window. options outlive it. NULL where something can't
 * be had; one line that says what was logged. */
struct machine *machine_create(const struct run_options *options);
/* Runs it until the guest powers off, crashes, or is stopped. Returns an enum exit_status. */
int machine_run(struct machine *machine);
/* Accepts NULL. */
void machine_destroy(struct machine *machine);

#endif
