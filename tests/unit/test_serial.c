// SPDX-License-Identifier: MIT
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"
#include "vmm/dev/serial.h"

enum { DATA, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

struct fixture {
    struct bus pio;
    struct serial *serial;
    int irq;
    unsigned output_calls, input_calls;
};

static void output_ready(void *data)
{
    ((struct fixture *)data)->output_calls++;
}

static void input_ready(void *data)
{
    ((struct fixture *)data)->input_calls++;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    *state = f;
    f->irq = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    struct serial_config config = { &f->pio, f->irq, output_ready, input_ready, f };
    f->serial = serial_create(&config);
    return f->serial ? 0 : -1;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    serial_destroy(f->serial);
    close(f->irq);
    free(f);
    return 0;
}

static void out(struct fixture *f, unsigned reg, uint8_t value)
{
    assert_true(bus_write(&f->pio, LAYOUT_SERIAL_PORT + reg, &value, 1));
}

static uint8_t in(struct fixture *f, unsigned reg)
{
    uint8_t value = 0;
    assert_true(bus_read(&f->pio, LAYOUT_SERIAL_PORT + reg, &value, 1));
    return value;
}

static bool irq(struct fixture *f)
{
    return fd_event_take(f->irq);
}

static void what_the_guest_writes_comes_out_in_order(void **state)
{
    struct fixture *f = *state;
    char text[16];
    for (const char *p = "hello"; *p; p++) {
        assert_int_equal(in(f, LSR) & 0x60, 0x60);
        out(f, DATA, (uint8_t)*p);
    }
    assert_int_equal(f->output_calls, 1); /* the owner is woken once for all of it */
    assert_int_equal(serial_output(f->serial, text, 3), 3);
    assert_int_equal(serial_output(f->serial, text + 3, sizeof(text) - 3), 2);
    assert_memory_equal(text, "hello", 5);
    assert_int_equal(serial_output(f->serial, text, sizeof(text)), 0);
    out(f, DATA, 'x');
    assert_int_equal(f->output_calls, 2);
}

static void a_full_ring_makes_the_transmitter_busy_not_the_vcpu(void **state)
{
    struct fixture *f = *state;
    static char buf[128 * 1024];
    size_t written = 0;
    out(f, IER, 0x02);
    while ((in(f, LSR) & 0x20) && written < sizeof(buf)) {
        out(f, DATA, (uint8_t)written);
        written++;
    }
    assert_int_equal(written, 64 * 1024);
    assert_int_equal(in(f, IIR) & 0xf, 0x1);
    out(f, DATA, '!'); /* lost, as on a line that is overrun */
    while (irq(f)) {
    }
    assert_int_equal(serial_output(f->serial, buf, 100), 100);
    assert_true(irq(f)); /* room again: the guest is told */
    assert_int_equal(in(f, IIR) & 0xf, 0x2);
    assert_int_equal(in(f, LSR) & 0x20, 0x20);
    assert_int_equal(serial_output(f->serial, buf, sizeof(buf)), written - 100);
    assert_int_equal((uint8_t)buf[written - 101], (uint8_t)(written - 1));
}

static void a_full_ring_is_waited_for_after_a_reset_too(void **state)
{
    struct fixture *f = *state;
    char buf[100];
    while (in(f, LSR) & 0x20)
        out(f, DATA, 'x');
    serial_reset(f->serial);
    out(f, IER, 0x02);
    assert_false(irq(f));
    assert_int_equal(serial_output(f->serial, buf, sizeof(buf)), sizeof(buf));
    assert_true(irq(f));
    assert_int_equal(in(f, IIR) & 0xf, 0x2);
}

static void the_transmitter_interrupts_each_time_it_runs_empty(void **state)
{
    struct fixture *f = *state;
    out(f, FCR, 0x01);
    assert_false(irq(f));
    out(f, IER, 0x02); /* enabling it while empty raises it at once */
    assert_true(irq(f));
    assert_int_equal(in(f, IIR), 0xc2);
    assert_int_equal(in(f, IIR), 0xc1); /* told once */
    for (unsigned i = 0; i < 16; i++)
        out(f, DATA, 'x');
    eventfd_t edges = 0;
    assert_int_equal(eventfd_read(f->irq, &edges), 0);
    assert_int_equal(edges, 1); /* one for the whole FIFO */
    assert_int_equal(in(f, IIR), 0xc2);
    out(f, IER, 0);
    out(f, DATA, 'x');
    assert_false(irq(f));
}

static void input_interrupts_and_fills_the_fifo_only(void **state)
{
    struct fixture *f = *state;
    out(f, FCR, 0x81); /* FIFOs, trigger at 8 */
    out(f, IER, 0x01);
    assert_int_equal(serial_input(f->serial, "ab", 2), 2);
    assert_true(irq(f));
    assert_int_equal(in(f, IIR), 0xcc); /* below the trigger: a timeout */
    assert_int_equal(in(f, LSR) & 0x01, 0x01);
    assert_int_equal(in(f, DATA), 'a');
    assert_int_equal(serial_input(f->serial, "0123456789abcdefghij", 20), 15);
    assert_int_equal(in(f, IIR), 0xc4);
    assert_int_equal(in(f, DATA), 'b');
    for (unsigned i = 0; i < 14; i++)
        in(f, DATA);
    assert_int_equal(f->input_calls, 0);
    assert_int_equal(in(f, DATA), 'e');
    assert_int_equal(f->input_calls, 1); /* there was more, and there is room */
    assert_int_equal(in(f, LSR) & 0x01, 0);
    assert_int_equal(in(f, IIR), 0xc1);
}

static void input_that_waits_is_called_for_again_after_a_reset(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(serial_input(f->serial, "ab", 2), 1); /* no FIFO yet */
    serial_reset(f->serial);
    assert_int_equal(f->input_calls, 1);
    assert_int_equal(in(f, LSR) & 0x01, 0);
    assert_int_equal(serial_input(f->serial, "cd", 2), 1);
    out(f, FCR, 0x07); /* a driver that starts clears the FIFOs */
    assert_int_equal(f->input_calls, 2);
}

static void linuxs_probe_finds_a_16550a(void **state)
{
    struct fixture *f = *state;
    out(f, IER, 0);
    assert_int_equal(in(f, IER), 0);
    out(f, IER, 0x0f);
    assert_int_equal(in(f, IER), 0x0f);
    out(f, IER, 0);
    out(f, MCR, 0x10 | 0x0a);
    assert_int_equal(in(f, MSR) & 0xf0, 0x90);
    out(f, MCR, 0);
    out(f, FCR, 0x01);
    assert_int_equal(in(f, IIR) >> 6, 3);
    out(f, LCR, 0x80);
    out(f, DATA, 1);
    out(f, IER, 0);
    assert_int_equal(in(f, DATA), 1); /* the divisor, and no output */
    out(f, LCR, 0x03);
    assert_int_equal(f->output_calls, 0);
    out(f, SCR, 0x5a);
    assert_int_equal(in(f, SCR), 0x5a);
}

static void loop_mode_gives_the_guest_its_own_bytes(void **state)
{
    struct fixture *f = *state;
    char c;
    out(f, MCR, 0x10);
    out(f, DATA, 'z');
    assert_int_equal(in(f, DATA), 'z');
    assert_int_equal(serial_output(f->serial, &c, 1), 0);
    assert_int_equal(serial_input(f->serial, "q", 1), 0);
    out(f, MCR, 0);
    assert_int_equal(f->input_calls, 1);
}

static void accesses_of_other_widths_do_nothing(void **state)
{
    struct fixture *f = *state;
    uint32_t value = 0x41414141;
    bus_write(&f->pio, LAYOUT_SERIAL_PORT, &value, 4);
    assert_int_equal(f->output_calls, 0);
    bus_read(&f->pio, LAYOUT_SERIAL_PORT + 4, &value, 4);
    assert_int_equal(value, UINT32_MAX);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_the_guest_writes_comes_out_in_order),
        TEST(a_full_ring_makes_the_transmitter_busy_not_the_vcpu),
        TEST(a_full_ring_is_waited_for_after_a_reset_too),
        TEST(the_transmitter_interrupts_each_time_it_runs_empty),
        TEST(input_interrupts_and_fills_the_fifo_only),
        TEST(input_that_waits_is_called_for_again_after_a_reset),
        TEST(linuxs_probe_finds_a_16550a),
        TEST(loop_mode_gives_the_guest_its_own_bytes),
        TEST(accesses_of_other_widths_do_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
