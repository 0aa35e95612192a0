// SPDX-License-Identifier: MIT
/*
 * The interrupt is an edge: the eventfd is signalled when IIR shows a cause where it showed none, and
 * again when one cause gives way to another. A driver that reads IIR until nothing is pending, as
 * Linux's does, loses none.
 */
#include "vmm/dev/serial.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"

/* Registers; 0 and 1 hold the divisor while LCR's DLAB is set. */
enum { RBR_THR, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR, N_REGS };

#define IER_RX 0x01u
#define IER_TX 0x02u
#define IER_MASK 0x0fu
#define IIR_NONE 0x01u
#define IIR_TX 0x02u
#define IIR_RX 0x04u
#define IIR_RX_TIMEOUT 0x0cu
#define IIR_FIFOS 0xc0u
#define FCR_ENABLE 0x01u
#define FCR_CLEAR_RX 0x02u
#define FCR_TRIGGER_SHIFT 6
#define LCR_DLAB 0x80u
#define MCR_MASK 0x1fu
#define MCR_LOOP 0x10u
#define LSR_DATA 0x01u
#define LSR_THR_EMPTY 0x20u
#define LSR_IDLE 0x40u
/* Loop mode turns MCR's lines into MSR's; otherwise the other side is there and ready. */
#define MSR_READY 0xb0u

#define FIFO_SIZE 16u
#define RING_SIZE (64u * 1024) /* a whole boot's messages */

struct serial {
    struct serial_config config;
    struct bus_range range;
    pthread_mutex_t lock; /* guards what follows */
    uint8_t ier, fcr, lcr, mcr, scr, divisor[2];
    bool tx_pending;  /* the transmitter ran empty, and IIR has not told yet */
    bool tx_blocked;  /* the ring was full when the guest wrote last, or at a reset */
    bool input_waits; /* serial_input() had more */
    uint8_t raised;   /* the cause that IIR showed last */
    uint8_t rx[FIFO_SIZE];
    unsigned rx_head, rx_len;
    uint8_t *ring;
    unsigned ring_head, ring_len;
};

/* What to tell the owner once the lock is dropped. */
struct news {
    bool output, input;
};

static unsigned rx_capacity(const struct serial *s)
{
    return s->fcr & FCR_ENABLE ? FIFO_SIZE : 1;
}

static uint8_t cause(const struct serial *s)
{
    static const uint8_t trigger[4] = { 1, 4, 8, 14 };
    if ((s->ier & IER_RX) && s->rx_len > 0) {
        /* A line is never silent for long here: what is below the trigger level times out at once. */
        bool fifo = s->fcr & FCR_ENABLE;
        return !fifo || s->rx_len >= trigger[s->fcr >> FCR_TRIGGER_SHIFT] ? IIR_RX : IIR_RX_TIMEOUT;
    }
    if ((s->ier & IER_TX) && s->tx_pending)
        return IIR_TX;
    return IIR_NONE;
}

/* After each change of what cause() looks at; with the lock held. */
static void update_irq(struct serial *s)
{
    uint8_t now = cause(s);
    if (now != IIR_NONE && now != s->raised)
        fd_event_signal(s->config.irq);
    s->raised = now;
}

static bool ring_full(const struct serial *s)
{
    return s->ring_len == RING_SIZE;
}

static void receive(struct serial *s, uint8_t byte)
{
    s->rx[(s->rx_head + s->rx_len++) % FIFO_SIZE] = byte;
}

static void transmit(struct serial *s, uint8_t byte, struct news *news)
{
    s->tx_pending = false;
    if (s->mcr & MCR_LOOP) {
        if (s->rx_len < rx_capacity(s))
            receive(s, byte);
        s->tx_pending = true;
        return;
    }
    if (ring_full(s)) {
        /* The guest did not look at LSR: the byte overruns, as it would on a line. */
        s->tx_blocked = true;
        return;
    }
    news->output = s->ring_len == 0;
    s->ring[(s->ring_head + s->ring_len++) % RING_SIZE] = byte;
    /* The byte is gone at once, so the transmitter is empty again, unless it was the last that
     * there is room for. */
    s->tx_blocked = ring_full(s);
    s->tx_pending = !s->tx_blocked;
}

static uint8_t read_rbr(struct serial *s, struct news *news)
{
    if (s->rx_len == 0)
        return 0;
    uint8_t byte = s->rx[s->rx_head];
    s->rx_head = (s->rx_head + 1) % FIFO_SIZE;
    s->rx_len--;
    if (s->input_waits && s->rx_len == 0) {
        s->input_waits = false;
        news->input = true;
    }
    return byte;
}

static uint8_t read_msr(const struct serial *s)
{
    if (!(s->mcr & MCR_LOOP))
        return MSR_READY;
    /* DTR to DSR, RTS to CTS, OUT1 to RI, OUT2 to DCD. */
    return (uint8_t)((s->mcr & 0x01) << 5 | (s->mcr & 0x02) << 3 | (s->mcr & 0x04) << 4 |
                     (s->mcr & 0x08) << 4);
}

static uint8_t read_register(struct serial *s, uint64_t reg, struct news *news)
{
    uint8_t value;
    bool dlab = s->lcr & LCR_DLAB;
    switch (reg) {
    case RBR_THR:
        return dlab ? s->divisor[0] : read_rbr(s, news);
    case IER:
        return dlab ? s->divisor[1] : s->ier;
    case IIR_FCR:
        value = cause(s);
        /* Telling of the empty transmitter takes it back. */
        if (value == IIR_TX)
            s->tx_pending = false;
        return value | (s->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
    case LCR:
        return s->lcr;
    case MCR:
        return s->mcr;
    case LSR:
        return (s->rx_len > 0 ? LSR_DATA : 0) | (ring_full(s) ? 0 : LSR_THR_EMPTY | LSR_IDLE);
    case MSR:
        return read_msr(s);
    default:
        return s->scr;
    }
}

static void write_fcr(struct serial *s, uint8_t value, struct news *news)
{
    /* Switching the FIFOs on or off empties them. */
    if (((s->fcr ^ value) & FCR_ENABLE) || ((value & FCR_ENABLE) && (value & FCR_CLEAR_RX))) {
        s->rx_len = 0;
        news->input = s->input_waits;
        s->input_waits = false;
    }
    s->fcr = value & FCR_ENABLE ? value & 0xc9u : 0;
}

static void write_register(struct serial *s, uint64_t reg, uint8_t value, struct news *news)
{
    bool dlab = s->lcr & LCR_DLAB;
    switch (reg) {
    case RBR_THR:
        if (dlab)
            s->divisor[0] = value;
        else
            transmit(s, value, news);
        break;
    case IER:
        if (dlab) {
            s->divisor[1] = value;
        } else {
            /* Switching the interrupt on while the transmitter is empty raises it. */
            if ((value & ~s->ier & IER_TX) && !ring_full(s))
                s->tx_pending = true;
            s->ier = value & IER_MASK;
        }
        break;
    case IIR_FCR:
        write_fcr(s, value, news);
        break;
    case LCR:
        s->lcr = value;
        break;
    case MCR:
        /* In loop mode, what comes from outside waits. */
        if (s->mcr & ~value & MCR_LOOP) {
            news->input = s->input_waits;
            s->input_waits = false;
        }
        s->mcr = value & MCR_MASK;
        break;
    case SCR:
        s->scr = value;
        break;
    default:
        break; /* LSR and MSR are read-only */
    }
}

static void tell(const struct serial *s, const struct news *news)
{
    if (news->output)
        s->config.output_ready(s->config.data);
    if (news->input)
        s->config.input_ready(s->config.data);
}

static void serial_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct serial *s = container_of(range, struct serial, range);
    struct news news = { 0 };
    if (len != 1)
        return;
    pthread_mutex_lock(&s->lock);
    *(uint8_t *)data = read_register(s, offset, &news);
    update_irq(s);
    pthread_mutex_unlock(&s->lock);
    tell(s, &news);
}

static void serial_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct serial *s = container_of(range, struct serial, range);
    struct news news = { 0 };
    if (len != 1)
        return;
    pthread_mutex_lock(&s->lock);
    write_register(s, offset, *(const uint8_t *)data, &news);
    update_irq(s);
    pthread_mutex_unlock(&s->lock);
    tell(s, &news);
}

static const struct bus_ops serial_ops = {
    .name = "serial",
    .read = serial_read,
    .write = serial_write,
};

struct serial *serial_create(const struct serial_config *config)
{
    struct serial *s = calloc(1, sizeof(*s));
    if (!s)
        return NULL;
    s->ring = malloc(RING_SIZE);
    if (!s->ring) {
        free(s);
        return NULL;
    }
    s->config = *config;
    pthread_mutex_init(&s->lock, NULL);
    serial_reset(s);
    bus_add(config->pio, &s->range, LAYOUT_SERIAL_PORT, N_REGS, &serial_ops);
    return s;
}

void serial_destroy(struct serial *s)
{
    if (!s)
        return;
    pthread_mutex_destroy(&s->lock);
    free(s->ring);
    free(s);
}

void serial_reset(struct serial *s)
{
    pthread_mutex_lock(&s->lock);
    s->ier = s->fcr = s->lcr = s->scr = 0;
    s->mcr = 0;
    s->divisor[0] = 12; /* 9600 baud */
    s->divisor[1] = 0;
    s->tx_pending = false;
    s->tx_blocked = ring_full(s); /* the output stays the host's */
    s->raised = IIR_NONE;
    s->rx_head = s->rx_len = 0;
    bool input = s->input_waits;
    s->input_waits = false;
    pthread_mutex_unlock(&s->lock);
    if (input)
        s->config.input_ready(s->config.data);
}

size_t serial_output(struct serial *s, void *buf, size_t len)
{
    uint8_t *to = buf;
    size_t taken = 0;
    pthread_mutex_lock(&s->lock);
    while (taken < len && s->ring_len > 0) {
        size_t run = MIN(MIN(len - taken, s->ring_len), RING_SIZE - s->ring_head);
        memcpy(to + taken, s->ring + s->ring_head, run);
        s->ring_head = (s->ring_head + (unsigned)run) % RING_SIZE;
        s->ring_len -= (unsigned)run;
        taken += run;
    }
    if (s->tx_blocked && taken > 0) {
        s->tx_blocked = false;
        s->tx_pending = true;
        update_irq(s);
    }
    pthread_mutex_unlock(&s->lock);
    return taken;
}

size_t serial_input(struct serial *s, const void *data, size_t len)
{
    const uint8_t *from = data;
    size_t given = 0;
    pthread_mutex_lock(&s->lock);
    if (!(s->mcr & MCR_LOOP)) {
        while (given < len && s->rx_len < rx_capacity(s))
            receive(s, from[given++]);
    }
    s->input_waits = given < len;
    update_irq(s);
    pthread_mutex_unlock(&s->lock);
    return given;
}
