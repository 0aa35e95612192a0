// SPDX-License-Identifier: MIT
#include "tests/machine/machine.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/util.h"
#include "vmm/core/irq.h"
#include "vmm/core/layout.h"
#include "vmm/dev/pm.h"
#include "vmm/dev/serial.h"

#define LOG_MODULE "test machine"
#include "vmm/base/log.h"

#define TEXT_MAX (4 * MIB)

static void end(struct machine *m, enum machine_end how)
{
    int running = MACHINE_RUNNING;
    if (atomic_compare_exchange_strong(&m->end, &running, how))
        loop_post(m->loop, &m->ended);
}

static void on_power_off(void *data)
{
    struct machine *m = data;
    vcpus_park(m->vcpus);
    end(m, MACHINE_POWERED_OFF);
}

static void on_reset(void *data)
{
    struct machine *m = data;
    vcpus_park(m->vcpus);
    end(m, MACHINE_RESET);
}

static void on_crash(void *data, enum vcpu_crash crash)
{
    end(data, crash == VCPU_TRIPLE_FAULT ? MACHINE_TRIPLE_FAULT : MACHINE_FAILED);
}

static void on_output_ready(void *data)
{
    struct machine *m = data;
    loop_post(m->loop, &m->output);
}

static void on_input_ready(void *data)
{
    struct machine *m = data;
    loop_post(m->loop, &m->input);
}

static void take_output(struct machine *m)
{
    size_t n;
    while (m->text_len < TEXT_MAX - 1 &&
           (n = serial_output(m->serial, m->text + m->text_len, TEXT_MAX - 1 - m->text_len)) > 0)
        m->text_len += n;
    m->text[m->text_len] = '\0';
}

static void on_output_task(struct loop_task *task)
{
    struct machine *m = container_of(task, struct machine, output);
    take_output(m);
    if (m->on_output)
        m->on_output(m);
}

static void on_input_task(struct loop_task *task)
{
    struct machine *m = container_of(task, struct machine, input);
    if (m->on_output)
        m->on_output(m);
}

static void on_ended(struct loop_task *task)
{
    loop_quit(container_of(task, struct machine, ended)->loop);
}

static void on_timeout(struct loop_timer *timer)
{
    end(container_of(timer, struct machine, timeout), MACHINE_TIMED_OUT);
}

bool machine_init(struct machine *m, uint64_t ram)
{
    *m = (struct machine){ .serial_irq = -1, .sci = -1 };
    m->kvm.sys_fd = m->kvm.vm_fd = -1;
    m->loop = loop_create();
    m->text = calloc(1, TEXT_MAX);
    if (!m->loop || !m->text || !kvm_init(&m->kvm) || guest_mem_create(&m->mem, ram) < 0)
        return false;
    int err = kvm_set_memory(&m->kvm, &m->mem);
    if (err < 0) {
        log_error("memory: %s", strerror(-err));
        return false;
    }
    m->router = irq_router_create(&m->kvm);
    if (!m->router)
        return false;
    m->serial_irq = irq_line_open(m->router, LAYOUT_SERIAL_GSI);
    m->sci = irq_line_open(m->router, LAYOUT_SCI_GSI);

    struct serial_config serial = { &m->pio, m->serial_irq, on_output_ready, on_input_ready, m };
    struct pm_config pm = { &m->pio, m->sci, on_power_off, on_reset, m };
    m->serial = serial_create(&serial);
    m->pm = pm_create(&pm);
    loop_task_init(&m->ended, on_ended);
    loop_task_init(&m->output, on_output_task);
    loop_task_init(&m->input, on_input_task);
    return loop_timer_add(m->loop, &m->timeout, on_timeout) == 0 && m->serial && m->pm;
}

void machine_finish(struct machine *m)
{
    vcpus_destroy(m->vcpus);
    pm_destroy(m->pm);
    serial_destroy(m->serial);
    if (m->router) {
        irq_line_close(m->router, LAYOUT_SERIAL_GSI, m->serial_irq);
        irq_line_close(m->router, LAYOUT_SCI_GSI, m->sci);
    }
    irq_router_destroy(m->router);
    kvm_finish(&m->kvm);
    guest_mem_finish(&m->mem);
    loop_timer_remove(&m->timeout);
    loop_destroy(m->loop);
    free(m->text);
}

bool machine_start(struct machine *m, unsigned cpus)
{
    struct vcpus_config config = { &m->kvm, &m->pio, &m->mmio, cpus, on_crash, m };
    m->vcpus = vcpus_create(&config);
    return m->vcpus != NULL;
}

enum machine_end machine_run(struct machine *m, const struct x86_entry *entry, unsigned seconds)
{
    m->end = MACHINE_RUNNING;
    if (!vcpus_set_entry(m->vcpus, entry))
        return MACHINE_FAILED;
    loop_timer_set(&m->timeout, seconds * 1000000000ull);
    vcpus_run(m->vcpus);
    loop_run(m->loop);
    vcpus_pause(m->vcpus);
    loop_timer_cancel(&m->timeout);
    take_output(m);
    return m->end;
}

bool machine_reset(struct machine *m)
{
    serial_reset(m->serial);
    pm_reset(m->pm);
    return vcpus_reset(m->vcpus);
}
