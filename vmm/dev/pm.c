// SPDX-License-Identifier: MIT
/*
 * The SCI is an edge here: it is raised whenever one more enabled event is pending, be it by the event or by
 * enabling it. (Once for all would not do: the guest may have looked at one block already, and now look at
 * the other.)
 */
#include "vmm/dev/pm.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/base/fd.h"
#include "vmm/base/util.h"
#include "vmm/core/bus.h"
#include "vmm/core/layout.h"
#include "vmm/core/x86/acpi.h"

/* PM1 status and enable registers. */
#define PM1_PWRBTN (1u << 8)
/* What a guest may enable: timer, global lock, both buttons, clock. Only the power button comes; the
 * others keep their bits because ACPICA reads them back. */
#define PM1_EVENTS 0x721u
/* PM1 control. */
#define PM1_SCI_EN (1u << 0)
#define PM1_SLP_TYP_SHIFT 10
#define PM1_SLP_TYP_MASK 7u
#define PM1_SLP_EN (1u << 13)
#define PM1_WRITABLE (PM1_SLP_TYP_MASK << PM1_SLP_TYP_SHIFT)
/* The reset control register: bit 2 resets. */
#define RESET_CPU 0x4u

struct pm {
    struct pm_config config;
    struct bus_range event_range, control_range, gpe_range, reset_range;
    pthread_mutex_t lock; /* guards what follows */
    uint16_t status, enable, control;
    uint8_t gpe_status, gpe_enable;
    uint8_t reset_control;
};

/* The enabled events that are pending, a bit each. With the lock held. */
static uint32_t pending(const struct pm *pm)
{
    return (uint32_t)(pm->status & pm->enable) << 8 | (pm->gpe_status & pm->gpe_enable);
}

/* With the lock held; was: pending() before the change. */
static void update_sci(struct pm *pm, uint32_t was)
{
    if (pending(pm) & ~was)
        fd_event_signal(pm->config.sci);
}

/* The four bytes: status, then enable; accessed by bytes, words or whole. */
static void event_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, event_range);
    pthread_mutex_lock(&pm->lock);
    uint16_t regs[2] = { pm->status, pm->enable };
    pthread_mutex_unlock(&pm->lock);
    memcpy(data, (const uint8_t *)regs + offset, len);
}

static void event_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, event_range);
    pthread_mutex_lock(&pm->lock);
    uint32_t was = pending(pm);
    uint16_t regs[2] = { 0, pm->enable };
    memcpy((uint8_t *)regs + offset, data, len);
    pm->status &= (uint16_t)~regs[0]; /* write 1 to clear */
    pm->enable = regs[1] & PM1_EVENTS;
    update_sci(pm, was);
    pthread_mutex_unlock(&pm->lock);
}

/* Two bytes: status, then enable. */
static void gpe_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, gpe_range);
    pthread_mutex_lock(&pm->lock);
    uint8_t regs[2] = { pm->gpe_status, pm->gpe_enable };
    pthread_mutex_unlock(&pm->lock);
    memcpy(data, regs + offset, len);
}

static void gpe_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, gpe_range);
    pthread_mutex_lock(&pm->lock);
    uint32_t was = pending(pm);
    uint8_t regs[2] = { 0, pm->gpe_enable };
    memcpy(regs + offset, data, len);
    pm->gpe_status &= (uint8_t)~regs[0]; /* write 1 to clear */
    pm->gpe_enable = regs[1];
    update_sci(pm, was);
    pthread_mutex_unlock(&pm->lock);
}

static void control_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, control_range);
    pthread_mutex_lock(&pm->lock);
    uint16_t control = pm->control;
    pthread_mutex_unlock(&pm->lock);
    memcpy(data, (const uint8_t *)&control + offset, len);
}

static void control_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, control_range);
    pthread_mutex_lock(&pm->lock);
    uint16_t control = pm->control;
    memcpy((uint8_t *)&control + offset, data, len);
    pm->control = (control & PM1_WRITABLE) | PM1_SCI_EN;
    pthread_mutex_unlock(&pm->lock);
    if ((control & PM1_SLP_EN) &&
        (control >> PM1_SLP_TYP_SHIFT & PM1_SLP_TYP_MASK) == ACPI_SLP_TYP_S5)
        pm->config.power_off(pm->config.data);
}

static void reset_read(struct bus_range *range, uint64_t offset, void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, reset_range);
    pthread_mutex_lock(&pm->lock);
    *(uint8_t *)data = pm->reset_control;
    pthread_mutex_unlock(&pm->lock);
}

static void reset_write(struct bus_range *range, uint64_t offset, const void *data, unsigned len)
{
    struct pm *pm = container_of(range, struct pm, reset_range);
    uint8_t value = *(const uint8_t *)data;
    pthread_mutex_lock(&pm->lock);
    pm->reset_control = value & (uint8_t)~RESET_CPU;
    pthread_mutex_unlock(&pm->lock);
    if (value & RESET_CPU)
        pm->config.reset(pm->config.data);
}

static const struct bus_ops event_ops = { "pm event", event_read, event_write };
static const struct bus_ops gpe_ops = { "gpe", gpe_read, gpe_write };
static const struct bus_ops control_ops = { "pm control", control_read, control_write };
static const struct bus_ops reset_ops = { "reset", reset_read, reset_write };

struct pm *pm_create(const struct pm_config *config)
{
    struct pm *pm = calloc(1, sizeof(*pm));
    if (!pm)
        return NULL;
    pm->config = *config;
    pthread_mutex_init(&pm->lock, NULL);
    pm_reset(pm);
    bus_add(config->pio, &pm->event_range, LAYOUT_PM_EVENT_PORT, 4, &event_ops);
    bus_add(config->pio, &pm->control_range, LAYOUT_PM_CONTROL_PORT, 2, &control_ops);
    bus_add(config->pio, &pm->gpe_range, LAYOUT_GPE_PORT, 2, &gpe_ops);
    bus_add(config->pio, &pm->reset_range, LAYOUT_RESET_PORT, 1, &reset_ops);
    return pm;
}

void pm_destroy(struct pm *pm)
{
    if (!pm)
        return;
    pthread_mutex_destroy(&pm->lock);
    free(pm);
}

void pm_reset(struct pm *pm)
{
    pthread_mutex_lock(&pm->lock);
    pm->status = 0;
    pm->enable = 0;
    pm->control = PM1_SCI_EN; /* there is no legacy mode to leave */
    pm->gpe_status = pm->gpe_enable = 0;
    pm->reset_control = 0;
    pthread_mutex_unlock(&pm->lock);
}

void pm_power_button(struct pm *pm)
{
    pthread_mutex_lock(&pm->lock);
    uint32_t was = pending(pm);
    pm->status |= PM1_PWRBTN;
    update_sci(pm, was);
    pthread_mutex_unlock(&pm->lock);
}

void pm_gpe(struct pm *pm, unsigned event)
{
    pthread_mutex_lock(&pm->lock);
    uint32_t was = pending(pm);
    pm->gpe_status |= (uint8_t)(1u << event);
    update_sci(pm, was);
    pthread_mutex_unlock(&pm->lock);
}
