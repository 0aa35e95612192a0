/* SPDX-License-Identifier: MIT */
/*
 * The host's end of the guest's serial line: the terminal, a file, or nothing.
 *
 * A terminal is put into raw mode, so that every key goes to the guest, and is put back on every way
 * out: console_destroy(), exit(), and the signals that kill a process. Ctrl-A x stops the VM.
 */
#ifndef VITRINE_APP_CONSOLE_H
#define VITRINE_APP_CONSOLE_H

#include <stddef.h>

#include "vmm/app/options.h"

struct console;
struct loop;

struct console_events {
    /* Takes up to len bytes of the guest's output; returns how many, 0 where none is left. */
    size_t (*output)(void *data, void *buf, size_t len);
    /* The user typed something. Returns how many bytes were taken; the rest is offered again after
     * console_input_ready(). Main loop. */
    size_t (*input)(void *data, const void *bytes, size_t len);
    /* The user asked for the VM to stop (Ctrl-A x). Main loop. */
    void (*stop)(void *data);
};

/* NULL where a file can't be opened; the reason is logged. */
struct console *console_create(struct loop *loop, enum serial_kind kind, const char *path,
                               const struct console_events *events, void *data);
/* Writes out what is left, puts the terminal back. Accepts NULL. */
void console_destroy(struct console *console);

/* The guest has output where it had none. Any thread. */
void console_output_ready(struct console *console);

/* The guest has room for input again. Any thread. */
void console_input_ready(struct console *console);

#endif
