/* SPDX-License-Identifier: MIT */
/*
 * ACPI power management (ACPI 6.5, 4.8.3): the PM1a event and control blocks with the power button
 * and the soft-off state S5, the general-purpose events of GPE0, and the reset register at port 0xcf9.
 */
#ifndef VITRINE_DEV_PM_H
#define VITRINE_DEV_PM_H

struct bus;
struct pm;

struct pm_config {
    struct bus *pio;
    int sci; /* eventfd, edge: irq_line_open(LAYOUT_SCI_GSI); stays the caller's */
    /* The guest switched itself off, or asked for a reset. On a vCPU thread, with no lock held;
     * typically vcpus_park() and a task posted to the main loop. */
    void (*power_off)(void *data);
    void (*reset)(void *data);
    void *data;
};

/* NULL where memory is short. */
struct pm *pm_create(const struct pm_config *config);
/* Accepts NULL. */
void pm_destroy(struct pm *pm);
/* The registers as at power-on. While the vCPUs are parked. */
void pm_reset(struct pm *pm);

/* Presses the power button: the guest is asked to shut down. Any thread. */
void pm_power_button(struct pm *pm);

/* General-purpose event 0 to 7 happens: the guest runs the method of its number. Any thread. */
void pm_gpe(struct pm *pm, unsigned event);

#endif
