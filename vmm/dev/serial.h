/* SPDX-License-Identifier: MIT */
/*
 * A 16550A UART at COM1 (TI PC16550D data sheet), without a line: whatever baud rate the guest
 * sets, bytes pass at once.
 *
 * Output goes into a ring that the owner empties at its own pace; while the ring is full the
 * transmitter says "busy", and the guest waits as it would for a slow line. No vCPU ever waits here.
 */
#ifndef VITRINE_DEV_SERIAL_H
#define VITRINE_DEV_SERIAL_H

#include <stddef.h>

struct bus;
struct serial;

struct serial_config {
    struct bus *pio;
    int irq; /* eventfd, edge: irq_line_open(LAYOUT_SERIAL_GSI); stays the caller's */
    /* There is output where there was none. On a vCPU thread, with no lock held. */
    void (*output_ready)(void *data);
    /* There is room for input after serial_input() took less than it was given. Likewise. */
    void (*input_ready)(void *data);
    void *data;
};

/* NULL where memory is short. */
struct serial *serial_create(const struct serial_config *config);
/* Accepts NULL. */
void serial_destroy(struct serial *serial);
/* The registers as at power-on; output that is not yet taken stays. While the vCPUs are parked. */
void serial_reset(struct serial *serial);

/* Takes up to len bytes of the guest's output. Returns how many; 0: none is left. Any thread. */
size_t serial_output(struct serial *serial, void *buf, size_t len);
/* Gives the guest up to len bytes to read. Returns how many fit into the receive FIFO. Any thread. */
size_t serial_input(struct serial *serial, const void *data, size_t len);

#endif
