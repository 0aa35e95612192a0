// SPDX-License-Identifier: MIT
/* Tiny guests on a real /dev/kvm, each loaded as an ELF kernel. */
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/machine/machine.h"
#include "tests/test.h"
#include "tests/unit/capture.h"
#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/irq.h"
#include "vmm/core/kvm_stats.h"
#include "vmm/core/layout.h"
#include "vmm/core/x86/tsc.h"
#include "vmm/dev/serial.h"

#define RAM (16 * MIB)
#define SECONDS 60 /* a software KVM is slow */
#define SCRATCH 0x300000
#define DEVICE 0xd0000000

#define GUEST(name) extern const uint8_t guest_##name[], guest_##name##_end[]
GUEST(hello);
GUEST(mmio);
GUEST(notify);
GUEST(smp);
GUEST(reset);
GUEST(triple_fault);
GUEST(stray);
GUEST(spin);
GUEST(echo);
GUEST(pvh);

/* Puts a guest into memory; where pvh, with the note that says so. */
static void load(struct machine *m, const uint8_t *code, const uint8_t *end, unsigned cpus,
                 bool pvh, struct x86_entry *entry)
{
    struct {
        Elf64_Ehdr header;
        Elf64_Phdr segment[2];
        uint32_t note[5];
        uint8_t code[1024];
    } file = {
        .header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, 1 },
                    .e_type = ET_EXEC,
                    .e_machine = EM_X86_64,
                    .e_entry = LAYOUT_KERNEL,
                    .e_phoff = sizeof(Elf64_Ehdr),
                    .e_phentsize = sizeof(Elf64_Phdr),
                    .e_phnum = pvh ? 2 : 1 },
        .note = { 4, 4, 18, 0x6e6558 /* "Xen" */, LAYOUT_KERNEL },
    };
    size_t size = (size_t)(end - code);
    assert_true(size <= sizeof(file.code));
    memcpy(file.code, code, size);
    file.segment[0] = (Elf64_Phdr){ .p_type = PT_LOAD,
                                    .p_offset = (uint64_t)(file.code - (uint8_t *)&file),
                                    .p_paddr = LAYOUT_KERNEL,
                                    .p_filesz = size,
                                    .p_memsz = size };
    file.segment[1] = (Elf64_Phdr){ .p_type = PT_NOTE,
                                    .p_offset = (uint64_t)((uint8_t *)file.note - (uint8_t *)&file),
                                    .p_filesz = sizeof(file.note) };
    int fd = memfd_create("guest", MFD_CLOEXEC);
    assert_int_equal(fd_pwrite_full(fd, &file, sizeof(file), 0), 0);
    struct x86_boot boot = { fd, "guest", -1, NULL, "", cpus };
    assert_true(x86_load(&m->mem, &boot, entry));
    close(fd);
}

static enum machine_end run(struct machine *m, const uint8_t *code, const uint8_t *end,
                            unsigned cpus, bool pvh)
{
    struct x86_entry entry;
    load(m, code, end, cpus, pvh, &entry);
    if (!m->vcpus)
        assert_true(machine_start(m, cpus));
    return machine_run(m, &entry, SECONDS);
}

#define RUN(m, name) run(m, guest_##name, guest_##name##_end, 1, false)

static int setup(void **state)
{
    struct machine *m = malloc(sizeof(*m));
    *state = m;
    return machine_init(m, RAM) ? 0 : -1;
}

static int teardown(void **state)
{
    machine_finish(*state);
    free(*state);
    return 0;
}

static uint32_t *scratch(struct machine *m)
{
    return guest_mem_ptr(&m->mem, SCRATCH, 4096);
}

static void a_guest_prints_and_powers_off(void **state)
{
    struct machine *m = *state;
    assert_int_equal(RUN(m, hello), MACHINE_POWERED_OFF);
    assert_string_equal(m->text, "hello\n");
    struct vcpu_stats stats;
    vcpus_stats(m->vcpus, 0, &stats);
    assert_true(stats.pio >= 4);
}

static uint64_t kernel_count(struct machine *m, const char *name)
{
    struct kvm_stats_sum sum;
    if (!vcpus_kernel_stats(m->vcpus, &sum))
        skip(); /* Linux before 5.14 */
    for (unsigned i = 0; i < KVM_STATS_KINDS; i++) {
        if (strcmp(kvm_stats_names[i], name) == 0) {
            assert_true(sum.has[i]);
            return sum.count[i];
        }
    }
    fail();
    return 0;
}

static void the_kernel_tells_what_vcpus_came_out_for(void **state)
{
    struct machine *m = *state;
    assert_int_equal(RUN(m, hello), MACHINE_POWERED_OFF);
    uint64_t exits = kernel_count(m, "exits"), io = kernel_count(m, "io_exits");
    assert_true(exits >= 4);
    assert_true(machine_reset(m));
    assert_int_equal(RUN(m, hello), MACHINE_POWERED_OFF);
    assert_true(kernel_count(m, "exits") >= exits + 4);
    if (kvm_host_has_hardware()) /* one in software counts all exits, and no kinds */
        assert_true(io >= 4 && exits >= io && kernel_count(m, "io_exits") >= io + 4);
}

static void a_kernel_with_a_pvh_note_gets_its_start_info(void **state)
{
    struct machine *m = *state;
    assert_int_equal(run(m, guest_pvh, guest_pvh_end, 1, true), MACHINE_POWERED_OFF);
    assert_string_equal(m->text, "xn"); /* of "xEn3" */
}

struct device {
    struct bus_range range;
    uint8_t bytes[0x100];
};

static void device_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    memcpy(data, container_of(range, struct device, range)->bytes + offset, len);
}

static void device_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    memcpy(container_of(range, struct device, range)->bytes + offset, data, len);
}

static const struct bus_ops device_ops = { "device", device_read, device_write };

static void mmio_reaches_the_device_in_each_width(void **state)
{
    struct machine *m = *state;
    struct device device = { 0 };
    for (unsigned i = 0; i < 0x40; i++)
        device.bytes[i] = (uint8_t)(0x10 + i);
    bus_add(&m->mmio, &device.range, DEVICE, sizeof(device.bytes), &device_ops);
    assert_int_equal(RUN(m, mmio), MACHINE_POWERED_OFF);
    static const unsigned widths[] = { 1, 2, 4, 8 };
    for (unsigned i = 0; i < 4; i++) {
        uint64_t was = 0, is = 0;
        memcpy(&was, device.bytes + 8 * i, widths[i]);
        memcpy(&is, device.bytes + 0x40 + 8 * i, 8);
        assert_int_equal(is, was + 1); /* and nothing beyond the width */
    }
    assert_int_equal(scratch(m)[0], UINT32_MAX);
    assert_int_equal(((uint8_t *)scratch(m))[4], 0xff);
}

static void an_ioeventfd_takes_writes_without_an_exit(void **state)
{
    struct machine *m = *state;
    int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    assert_int_equal(kvm_ioeventfd_add(&m->kvm, DEVICE, fd), 0);
    assert_int_equal(RUN(m, notify), MACHINE_POWERED_OFF);
    eventfd_t count = 0;
    assert_int_equal(eventfd_read(fd, &count), 0);
    assert_int_equal(count, 3);
    struct vcpu_stats stats;
    vcpus_stats(m->vcpus, 0, &stats);
    assert_int_equal(stats.mmio, 0);

    assert_int_equal(kvm_ioeventfd_remove(&m->kvm, DEVICE, fd), 0);
    assert_true(machine_reset(m));
    assert_int_equal(RUN(m, notify), MACHINE_POWERED_OFF);
    assert_int_equal(eventfd_read(fd, &count), -1);
    vcpus_stats(m->vcpus, 0, &stats);
    assert_int_equal(stats.mmio, 3);
    close(fd);
}

static void the_other_cpus_start_by_sipi_also_after_a_reset(void **state)
{
    struct machine *m = *state;
    for (unsigned round = 0; round < 2; round++) {
        scratch(m)[0] = 0;
        scratch(m)[1] = 3;
        assert_int_equal(run(m, guest_smp, guest_smp_end, 4, false), MACHINE_POWERED_OFF);
        assert_int_equal(scratch(m)[0], 3);
        assert_true(machine_reset(m));
    }
    assert_string_equal(m->text, "AA");
}

static void after_a_reset_the_other_cpus_wait_again(void **state)
{
    struct machine *m = *state;
    struct vcpu_stats before, after;
    scratch(m)[1] = 1;
    assert_int_equal(run(m, guest_smp, guest_smp_end, 2, false), MACHINE_POWERED_OFF);
    assert_true(machine_reset(m));
    vcpus_stats(m->vcpus, 1, &before);
    for (unsigned round = 0; round < 10; round++) {
        assert_int_equal(RUN(m, hello), MACHINE_POWERED_OFF);
        assert_true(machine_reset(m));
    }
    vcpus_stats(m->vcpus, 1, &after);
    assert_int_equal(after.mmio + after.pio + after.others,
                     before.mmio + before.pio + before.others);
}

static void a_reset_restarts_in_place_as_at_power_on(void **state)
{
    struct machine *m = *state;
    for (unsigned round = 0; round < 3; round++) {
        assert_int_equal(RUN(m, reset), MACHINE_RESET);
        assert_true(machine_reset(m));
    }
    assert_string_equal(m->text, "RRR");
    assert_int_equal(scratch(m)[0], 0); /* no instruction ran behind the reset */
}

static void a_triple_fault_is_told_and_survived(void **state)
{
    struct machine *m = *state;
    assert_int_equal(RUN(m, triple_fault), MACHINE_TRIPLE_FAULT);
    assert_true(machine_reset(m));
    assert_int_equal(RUN(m, hello), MACHINE_POWERED_OFF);
    assert_string_equal(m->text, "Thello\n");
}

/* The vCPU is held in its message of the fault, into a pipe that nobody reads, while it is told to park. */
static void a_triple_fault_while_all_are_parked_is_told(void **state)
{
    struct machine *m = *state;
    struct x86_entry entry;
    struct vcpu_stats stats;
    int pipe_fds[2], saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    char bytes[4096] = { 0 };
    load(m, guest_triple_fault, guest_triple_fault_end, 1, false, &entry);
    assert_true(machine_start(m, 1));
    assert_true(vcpus_set_entry(m->vcpus, &entry));
    assert_int_equal(pipe2(pipe_fds, O_CLOEXEC), 0);
    assert_int_equal(fcntl(pipe_fds[1], F_SETPIPE_SZ, sizeof(bytes)), sizeof(bytes));
    assert_int_equal(write(pipe_fds[1], bytes, sizeof(bytes)), sizeof(bytes));
    dup2(pipe_fds[1], STDERR_FILENO);
    close(pipe_fds[1]);
    vcpus_run(m->vcpus);
    do
        vcpus_stats(m->vcpus, 0, &stats);
    while (stats.others == 0);
    vcpus_park(m->vcpus);
    assert_int_equal(m->end, MACHINE_RUNNING);
    dup2(saved, STDERR_FILENO);
    close(saved);
    while (read(pipe_fds[0], bytes, sizeof(bytes)) > 0) {
    }
    close(pipe_fds[0]);
    vcpus_pause(m->vcpus);
    assert_int_equal(m->end, MACHINE_TRIPLE_FAULT);
    loop_run(m->loop); /* which it has quit */
}

static void code_outside_memory_is_a_crash_in_one_line(void **state)
{
    struct machine *m = *state;
    struct capture c;
    capture_begin(&c);
    enum machine_end how = RUN(m, stray);
    capture_end(&c);
    assert_true(how == MACHINE_FAILED || how == MACHINE_TRIPLE_FAULT);
    assert_int_equal(c.lines, 1);
    assert_true(strstr(c.text, "rip=") || strstr(c.text, "registers lost"));
    assert_true(machine_reset(m));
    assert_int_equal(RUN(m, hello), MACHINE_POWERED_OFF);
}

static void quit_on_output(struct machine *m)
{
    loop_quit(m->loop);
}

static void a_spinning_guest_parks_and_goes_on(void **state)
{
    struct machine *m = *state;
    m->on_output = quit_on_output;
    assert_int_equal(RUN(m, spin), MACHINE_RUNNING);
    volatile uint32_t *count = scratch(m);
    for (unsigned round = 0; round < 100; round++) {
        uint32_t parked = *count;
        for (unsigned i = 0; i < 1000; i++)
            assert_int_equal(*count, parked);
        vcpus_run(m->vcpus);
        while (*count == parked) {
        }
        vcpus_pause(m->vcpus);
    }
    struct vcpu_stats stats;
    vcpus_stats(m->vcpus, 0, &stats);
    assert_true(stats.signals >= 100);
}

/* The guest reads both TSCs anew, and parks. */
static void read_tscs(struct machine *m, uint64_t tsc[2])
{
    volatile uint64_t *shown = (volatile uint64_t *)(scratch(m) + 4);
    shown[0] = shown[1] = 0;
    vcpus_run(m->vcpus);
    while (!shown[0] || !shown[1]) {
    }
    vcpus_pause(m->vcpus);
    tsc[0] = shown[0];
    tsc[1] = shown[1];
}

static void after_the_hosts_sleep_all_tscs_are_put_forward_alike(void **state)
{
    struct machine *m = *state;
    struct x86_tsc_mark begin, mark, pretended;
    uint64_t before[2], after[2];
    scratch(m)[1] = scratch(m)[2] = 1;
    m->on_output = quit_on_output;
    assert_int_equal(run(m, guest_smp, guest_smp_end, 2, false), MACHINE_RUNNING);
    assert_true(vcpus_mark_tsc(m->vcpus, &begin));
    read_tscs(m, before);
    assert_true(vcpus_mark_tsc(m->vcpus, &mark));
    assert_int_equal(vcpus_catch_up_tsc(m->vcpus, &mark), 0);

    pretended = mark;
    pretended.boot_ns /= 2; /* the host has slept for half of the time that it is up */
    double slept_ns = (double)pretended.boot_ns;
    uint64_t ns = vcpus_catch_up_tsc(m->vcpus, &pretended);
    if (ns == 0 && !kvm_host_has_hardware())
        skip(); /* a software KVM hands its host's counter through */
    assert_true((double)ns > 0.9 * slept_ns && (double)ns < 1.1 * slept_ns);
    assert_int_equal(vcpus_catch_up_tsc(m->vcpus, &pretended), 0);
    read_tscs(m, after);
    double rate = (double)(mark.tsc - begin.tsc) / (double)(mark.boot_ns - begin.boot_ns);
    for (unsigned i = 0; i < 2; i++)
        assert_true((double)(after[i] - before[i]) > 0.8 * rate * slept_ns);
    double apart = (double)after[0] - (double)after[1];
    assert_true(apart < 0.2 * rate * slept_ns && apart > -0.2 * rate * slept_ns);
}

static size_t sent;

static void send_when_ready(struct machine *m)
{
    static const char input[] = "abcdefq";
    if (m->text_len >= 1)
        sent += serial_input(m->serial, input + sent, sizeof(input) - 1 - sent);
}

static void serial_input_interrupts_the_guest(void **state)
{
    struct machine *m = *state;
    m->on_output = send_when_ready;
    for (unsigned round = 0; round < 2; round++) {
        m->text_len = sent = 0;
        assert_int_equal(RUN(m, echo), MACHINE_POWERED_OFF);
        assert_string_equal(m->text, ">abcdef");
        assert_true(machine_reset(m));
    }
}

static int msi_fd;

static void signal_when_ready(struct machine *m)
{
    if (strcmp(m->text, ">") == 0)
        fd_event_signal(msi_fd);
    else if (strcmp(m->text, ">M") == 0)
        serial_input(m->serial, "q", 1);
}

static void an_msi_routed_to_an_eventfd_interrupts_the_guest(void **state)
{
    struct machine *m = *state;
    msi_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int other = irq_msi_alloc(m->router), gsi = irq_msi_alloc(m->router);
    assert_true(gsi >= IRQ_IOAPIC_PINS && gsi != other);
    assert_int_equal(irq_msi_route(m->router, other, LAYOUT_LAPIC_BASE, 0x55), 0);
    assert_int_equal(irq_msi_route(m->router, gsi, LAYOUT_LAPIC_BASE, 0x41), 0);
    assert_int_equal(irq_attach(m->router, gsi, msi_fd), 0);
    irq_msi_free(m->router, other);
    m->on_output = signal_when_ready;
    assert_int_equal(RUN(m, echo), MACHINE_POWERED_OFF);
    assert_string_equal(m->text, ">M");
    assert_int_equal(irq_detach(m->router, gsi, msi_fd), 0);
    irq_msi_free(m->router, gsi);
    close(msi_fd);
}

static void what_came_while_an_interrupt_was_cut_off_is_not_lost(void **state)
{
    struct machine *m = *state;
    msi_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int gsi = irq_msi_alloc(m->router);
    assert_int_equal(irq_msi_route(m->router, gsi, LAYOUT_LAPIC_BASE, 0x41), 0);
    assert_int_equal(irq_attach(m->router, gsi, msi_fd), 0);
    assert_int_equal(irq_detach(m->router, gsi, msi_fd), 0);
    fd_event_signal(msi_fd);
    m->on_output = quit_on_output;
    assert_int_equal(RUN(m, echo), MACHINE_RUNNING);
    assert_string_equal(m->text, ">");
    assert_int_equal(irq_attach(m->router, gsi, msi_fd), 0);
    m->on_output = signal_when_ready;
    vcpus_run(m->vcpus);
    loop_run(m->loop);
    vcpus_pause(m->vcpus);
    assert_int_equal(m->end, MACHINE_POWERED_OFF);
    assert_string_equal(m->text, ">M");
    irq_detach(m->router, gsi, msi_fd);
    irq_msi_free(m->router, gsi);
    close(msi_fd);
}

static void all_msi_vectors_can_be_had_and_given_back(void **state)
{
    struct machine *m = *state;
    for (unsigned round = 0; round < 2; round++) {
        for (int i = IRQ_IOAPIC_PINS; i < IRQ_MAX_GSI; i++)
            assert_int_equal(irq_msi_alloc(m->router), i);
        assert_true(irq_msi_alloc(m->router) < 0);
        for (int i = IRQ_IOAPIC_PINS; i < IRQ_MAX_GSI; i++)
            irq_msi_free(m->router, i);
    }
}

int main(void)
{
    if (access("/dev/kvm", R_OK | W_OK) < 0) {
        printf("skipped: /dev/kvm is missing or may not be opened\n");
        return 77;
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_guest_prints_and_powers_off),
        TEST(the_kernel_tells_what_vcpus_came_out_for),
        TEST(a_kernel_with_a_pvh_note_gets_its_start_info),
        TEST(mmio_reaches_the_device_in_each_width),
        TEST(an_ioeventfd_takes_writes_without_an_exit),
        TEST(the_other_cpus_start_by_sipi_also_after_a_reset),
        TEST(after_a_reset_the_other_cpus_wait_again),
        TEST(a_reset_restarts_in_place_as_at_power_on),
        TEST(a_triple_fault_is_told_and_survived),
        TEST(a_triple_fault_while_all_are_parked_is_told),
        TEST(code_outside_memory_is_a_crash_in_one_line),
        TEST(a_spinning_guest_parks_and_goes_on),
        TEST(after_the_hosts_sleep_all_tscs_are_put_forward_alike),
        TEST(serial_input_interrupts_the_guest),
        TEST(an_msi_routed_to_an_eventfd_interrupts_the_guest),
        TEST(what_came_while_an_interrupt_was_cut_off_is_not_lost),
        TEST(all_msi_vectors_can_be_had_and_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
