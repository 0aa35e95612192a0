// SPDX-License-Identifier: MIT
/*
 * Life of a machine. machine_create() builds it bottom up, machine_run() lets the vCPUs go and serves
 * the main loop. A vCPU that sees the guest power off, reset or crash parks all vCPUs and sets a bit
 * in machine->events; the main loop acts on it:
 *
 *   power off, panic, crash → machine_end() with the exit status
 *   eject → the devices that the guest let go of are asked to reset, as below; then they are taken off the
 *           bus, and the vCPUs run again
 *   reset → every transport is asked to reset its device (on the device's own loop); when the last
 *           has answered, kernel and registers are loaded anew and the vCPUs run again.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "machine"
#include "vmm/app/console.h"
#include "vmm/app/control.h"
#include "vmm/app/disks.h"
#include "vmm/app/host_sleep.h"
#include "vmm/app/machine.h"
#include "vmm/app/machine_internal.h"
#include "vmm/app/screen_shot.h"
#include "vmm/app/verbs.h"
#include "vmm/base/log.h"
#include "vmm/core/irq.h"
#include "vmm/core/layout.h"
#include "vmm/core/pci.h"
#include "vmm/core/vcpu.h"
#include "vmm/dev/pci_slots.h"
#include "vmm/dev/pm.h"
#include "vmm/dev/pvpanic.h"
#include "vmm/dev/rtc.h"
#include "vmm/dev/serial.h"
#include "vmm/virtio/balloon.h"
#include "vmm/virtio/rng.h"
#include "vmm/virtio/virtio_pci.h"
#include "vmm/virtio/vsock.h"

void machine_end(struct machine *m, int status)
{
    m->status = status;
    loop_quit(m->loop);
}

void machine_ask_to_end(struct machine *m)
{
    if (m->power_pressed) {
        machine_end(m, EXIT_STOPPED);
        return;
    }
    machine_resume(m);
    m->power_pressed = true;
    machine_show_state(m);
    log_info("asking the guest to shut down; close the window again to stop it at once");
    pm_power_button(m->pm);
}

/* From vCPU threads: parks the guest where it has no more to do, and tells the main loop. */
static void raise_event(struct machine *m, enum machine_event event)
{
    if (m->vcpus)
        vcpus_park(m->vcpus);
    /* Ordered by loop_post(); handle_events() takes all bits at once. */
    atomic_fetch_or_explicit(&m->events, (unsigned)event, memory_order_relaxed);
    loop_post(m->loop, &m->event_task);
}

static void on_power_off(void *data)
{
    raise_event(data, MACHINE_POWER_OFF);
}

static void on_reset(void *data)
{
    raise_event(data, MACHINE_RESET);
}

static void on_panicked(void *data)
{
    raise_event(data, MACHINE_PANIC);
}

static void on_ejected(void *data, uint32_t slots)
{
    struct machine *m = data;
    atomic_fetch_or_explicit(&m->ejected, slots, memory_order_relaxed);
    raise_event(m, MACHINE_EJECT);
}

static void on_crashed(void *data, enum vcpu_crash crash)
{
    raise_event(data, MACHINE_CRASH);
}

static void handle_events(struct loop_task *task)
{
    struct machine *m = container_of(task, struct machine, event_task);
    unsigned events = atomic_exchange_explicit(&m->events, 0, memory_order_relaxed);

    /* One after the other: machine_ejected() comes back to these. */
    if (m->ejecting)
        atomic_fetch_or_explicit(&m->events, events & (MACHINE_RESET | MACHINE_EJECT),
                                 memory_order_relaxed);
    if (events & MACHINE_PANIC || (events & MACHINE_RESET && x86_guest_panicked(&m->mem))) {
        log_error("the guest's kernel panicked; its serial console says why");
        machine_end(m, EXIT_CRASH);
    } else if (events & MACHINE_POWER_OFF) {
        machine_end(m, EXIT_POWEROFF);
    } else if (events & MACHINE_RESET && !m->restarting && !m->ejecting) {
        machine_begin_restart(m);
    } else if (
        events &
        MACHINE_CRASH) { /* of a vCPU that the others left behind, if they asked for an end */
        machine_end(m, EXIT_CRASH);
    } else if (events & MACHINE_EJECT && !m->restarting && !m->ejecting) {
        machine_begin_eject(m);
    }
}

static void on_signal(struct loop_signals *signals, int signo)
{
    struct machine *m = container_of(signals, struct machine, signals);
    if (signo == SIGUSR1) {
        machine_resume(m);
        return;
    }
    log_info("stopped by %s", strsignal(signo));
    machine_end(m, EXIT_STOPPED);
}

static void serial_has_output(void *data)
{
    struct machine *m = data;
    console_output_ready(m->console);
}

static void serial_has_room(void *data)
{
    struct machine *m = data;
    console_input_ready(m->console);
}

static size_t console_takes_output(void *data, void *buf, size_t len)
{
    struct machine *m = data;
    return serial_output(m->serial, buf, len);
}

static size_t console_typed(void *data, const void *bytes, size_t len)
{
    struct machine *m = data;
    return serial_input(m->serial, bytes, len);
}

static void console_stop(void *data)
{
    machine_end(data, EXIT_STOPPED);
}

static const struct console_events console_events = {
    .output = console_takes_output,
    .input = console_typed,
    .stop = console_stop,
};

static void window_closed(void *data)
{
    machine_ask_to_end(data);
}

static void gpu_restarts(void *data, bool up)
{
    struct machine *m = data;
    control_event(m->control, up ? "gpu-up" : "gpu-down", NULL);
}

static const struct screen_events screen_events = {
    .closed = window_closed,
    .gpu_restarts = gpu_restarts,
};

/* -1, and one line, where it is no regular file that can be read. */
static int open_image(const char *what, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0) {
        log_error("the %s %s can't be opened: %s", what, path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        log_error("the %s %s is no regular file", what, path);
        close(fd);
        fd = -1;
    }
    return fd;
}

/* The user's parameters behind our own defaults, which they override. */
static void compose_params(struct machine *m)
{
    const struct run_options *o = m->options;
    const char *console = "";
    if (!strstr(o->params, "console=")) {
        if (o->gpu)
            console = o->serial == SERIAL_NONE ? "console=tty0 " : "console=tty0 console=ttyS0 ";
        else
            console = "console=ttyS0 ";
    }
    snprintf(m->params, sizeof(m->params), "%s%s%s", x86_panic_params(o->params), console,
             o->params);
}

static bool open_files(struct machine *m)
{
    const struct run_options *o = m->options;
    m->boot = (struct x86_boot){
        .kernel_fd = open_image("kernel", o->kernel),
        .kernel_name = o->kernel,
        .initrd_fd = -1,
        .initrd_name = o->initrd,
        .params = m->params,
        .cpus = o->cpus,
    };
    if (m->boot.kernel_fd < 0)
        return false;
    if (o->initrd) {
        m->boot.initrd_fd = open_image("initrd", o->initrd);
        if (m->boot.initrd_fd < 0)
            return false;
    }
    compose_params(m);
    m->disks = disks_create(m->loop, o->disk, o->n_disks, o->cpus, &machine_disks_events, m);
    m->nets = m->disks ? nets_create(&o->nets) : NULL;
    m->shares = m->nets ? shares_create(m->loop, &o->shares) : NULL;
    if (m->shares && o->cid)
        m->vsock = virtio_vsock_create(m->loop, o->cid);
    return m->shares && (m->vsock || !o->cid);
}

static bool create_vm(struct machine *m)
{
    if (!kvm_init(&m->kvm))
        return false;
    m->kvm_ready = true;
    if (!kvm_host_has_hardware())
        log_warn("this processor shows neither vmx nor svm, so /dev/kvm is emulated in software: "
                 "tiny guests run, a stock kernel will hardly boot");
    uint64_t bytes = m->options->mem_mib * MIB;
    int err = m->options->huge_pages ? guest_mem_create_huge(&m->mem, bytes)
                                     : guest_mem_create(&m->mem, bytes);
    if (err == -ENOMEM && m->options->huge_pages) {
        log_error("--mem %llu,hugepages: the host has fewer than %llu huge pages set aside; see "
                  "vm.nr_hugepages",
                  (unsigned long long)m->options->mem_mib,
                  (unsigned long long)m->options->mem_mib / 2);
        return false;
    }
    if (err == 0)
        err = kvm_set_memory(&m->kvm, &m->mem);
    if (err < 0) {
        log_error("can't give the guest %llu MiB of memory: %s; try a smaller --mem",
                  (unsigned long long)m->options->mem_mib, strerror(-err));
        return false;
    }
    m->irqs = irq_router_create(&m->kvm);
    if (!m->irqs)
        return false;
    m->serial_irq = irq_line_open(m->irqs, LAYOUT_SERIAL_GSI);
    m->rtc_irq = irq_line_open(m->irqs, LAYOUT_RTC_GSI);
    m->sci_irq = irq_line_open(m->irqs, LAYOUT_SCI_GSI);
    if (m->serial_irq < 0 || m->rtc_irq < 0 || m->sci_irq < 0) {
        log_error("KVM gives no interrupt lines");
        return false;
    }
    return true;
}

/* The devices of the board itself. */
static bool create_board(struct machine *m)
{
    const struct serial_config serial = {
        .pio = &m->pio,
        .irq = m->serial_irq,
        .output_ready = serial_has_output,
        .input_ready = serial_has_room,
        .data = m,
    };
    const struct pm_config pm = {
        .pio = &m->pio,
        .sci = m->sci_irq,
        .power_off = on_power_off,
        .reset = on_reset,
        .data = m,
    };
    m->serial = serial_create(&serial);
    m->pm = pm_create(&pm);
    m->rtc = rtc_create(&(struct rtc_config){ .pio = &m->pio, .loop = m->loop, .irq = m->rtc_irq });
    m->pvpanic = pvpanic_create(
        &(struct pvpanic_config){ .pio = &m->pio, .panicked = on_panicked, .data = m });
    m->pci = pci_host_create(&m->mmio);
    if (m->pm)
        m->pci_slots = pci_slots_create(&(struct pci_slots_config){
            .pio = &m->pio, .pm = m->pm, .ejected = on_ejected, .data = m });
    if (!m->serial || !m->pm || !m->rtc || !m->pvpanic || !m->pci || !m->pci_slots) {
        log_error("out of memory");
        return false;
    }
    return true;
}

static bool plug(struct machine *m, struct virtio_dev *dev)
{
    struct virtio_pci *virtio = virtio_pci_create(m->pci, &m->kvm, m->irqs, &m->mem, dev);
    if (!virtio)
        return false;
    m->virtio[m->n_virtio++] = virtio;
    return true;
}

static bool create_virtio(struct machine *m)
{
    for (unsigned i = 0; i < m->options->n_disks; i++) {
        if (!machine_slots_fill(m, SLOT_DISK, i))
            return false;
    }
    for (unsigned i = 0; i < NET_OPTIONS_MAX && nets_dev(m->nets, i); i++) {
        if (!machine_slots_fill(m, SLOT_NET, i))
            return false;
    }
    for (unsigned i = 0; i < m->options->shares.n; i++) {
        if (!plug(m, shares_dev(m->shares, i)))
            return false;
    }
    int err = loop_thread_start(&m->io, "io");
    if (err < 0) {
        log_error("can't start a thread: %s", strerror(-err));
        return false;
    }
    m->io_running = true;
    m->rng = virtio_rng_create(m->io.loop);
    if (!m->rng || !plug(m, m->rng))
        return false;
    struct virtio_dev *devs[SCREEN_MAX_DEVS];
    unsigned n = m->screen ? screen_devs(m->screen, devs) : 0;
    for (unsigned i = 0; i < n; i++) {
        if (!plug(m, devs[i]))
            return false;
    }
    if (m->vsock && !plug(m, m->vsock))
        return false;
    if (!m->options->balloon)
        return true;
    m->balloon = virtio_balloon_create(m->io.loop);
    return m->balloon && plug(m, m->balloon);
}

static bool build(struct machine *m)
{
    const struct run_options *o = m->options;
    static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, 0 };

    m->loop = loop_create();
    if (!m->loop) {
        log_error("can't create an event loop: %s", strerror(errno));
        return false;
    }
    /* Before any thread starts, so that all have the signals blocked. */
    if (loop_signals_add(m->loop, &m->signals, signals, on_signal) < 0)
        return false;
    /* The kernel comes before the window: a file that doesn't serve is said and nothing flashes up. */
    if (!open_files(m) || !create_vm(m) || !x86_load(&m->mem, &m->boot, &m->entry))
        return false;
    if (o->gpu) {
        m->screen = screen_create(m->loop, &o->screen, -1, &screen_events, m);
        if (!m->screen)
            return false;
    }
    if (!create_board(m) || !create_virtio(m))
        return false;
    const struct vcpus_config vcpus = {
        .kvm = &m->kvm,
        .pio = &m->pio,
        .mmio = &m->mmio,
        .count = o->cpus,
        .crashed = on_crashed,
        .data = m,
    };
    m->vcpus = vcpus_create(&vcpus);
    if (!m->vcpus || !vcpus_set_entry(m->vcpus, &m->entry))
        return false;
    if (o->socket_path) {
        m->control = control_create(m->loop, o->socket_path, machine_verbs, m);
        if (!m->control)
            return false;
    }
    m->host_sleep = host_sleep_create(m->loop, o->screen.name, &machine_sleep_events, m);
    m->console = console_create(m->loop, o->serial, o->serial_path, &console_events, m);
    return m->console;
}

struct machine *machine_create(const struct run_options *options)
{
    struct machine *m = calloc(1, sizeof(*m));
    if (!m) {
        log_error("out of memory");
        return NULL;
    }
    m->options = options;
    list_init(&m->nets_adding);
    list_init(&m->disks_adding);
    m->boot.kernel_fd = m->boot.initrd_fd = -1;
    m->serial_irq = m->rtc_irq = m->sci_irq = -1;
    loop_task_init(&m->event_task, handle_events);
    loop_task_init(&m->reset_task, machine_restart);
    loop_task_init(&m->eject_task, machine_ejected);
    if (!build(m)) {
        machine_destroy(m);
        return NULL;
    }
    return m;
}

int machine_run(struct machine *m)
{
    vcpus_run(m->vcpus);
    loop_run(m->loop);
    vcpus_pause(m->vcpus);
    return m->status;
}

void machine_destroy(struct machine *m)
{
    if (!m)
        return;
    vcpus_destroy(m->vcpus);
    console_destroy(m->console);
    host_sleep_destroy(m->host_sleep);
    control_destroy(m->control);
    machine_nets_cancel(m);
    machine_disks_cancel(m);
    pci_host_destroy(m->pci);
    screen_shot_cancel(m->shot);
    if (m->screen)
        screen_close(m->screen);
    if (m->disks)
        disks_stop(m->disks);
    if (m->nets)
        nets_stop(m->nets);
    if (m->io_running)
        loop_thread_stop(&m->io);
    for (unsigned i = 0; i < m->n_virtio; i++)
        virtio_pci_destroy(m->virtio[i]);
    machine_slots_empty(m);
    screen_destroy(m->screen);
    disks_destroy(m->disks);
    nets_destroy(m->nets);
    shares_destroy(m->shares);
    virtio_vsock_destroy(m->vsock);
    virtio_balloon_destroy(m->balloon);
    virtio_rng_destroy(m->rng);
    loop_thread_finish(&m->io);
    pci_slots_destroy(m->pci_slots);
    pvpanic_destroy(m->pvpanic);
    rtc_destroy(m->rtc);
    pm_destroy(m->pm);
    serial_destroy(m->serial);
    irq_line_close(m->irqs, LAYOUT_SERIAL_GSI, m->serial_irq);
    irq_line_close(m->irqs, LAYOUT_RTC_GSI, m->rtc_irq);
    irq_line_close(m->irqs, LAYOUT_SCI_GSI, m->sci_irq);
    irq_router_destroy(m->irqs);
    if (m->kvm_ready)
        kvm_finish(&m->kvm);
    guest_mem_finish(&m->mem);
    if (m->boot.kernel_fd >= 0)
        close(m->boot.kernel_fd);
    if (m->boot.initrd_fd >= 0)
        close(m->boot.initrd_fd);
    if (m->loop) {
        loop_signals_remove(&m->signals);
        loop_task_cancel(m->loop, &m->event_task);
        loop_task_cancel(m->loop, &m->reset_task);
        loop_task_cancel(m->loop, &m->eject_task);
    }
    loop_destroy(m->loop);
    free(m);
}
