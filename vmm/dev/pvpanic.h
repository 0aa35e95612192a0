/* SPDX-License-Identifier: MIT */
/* The port by which a guest says that it panicked (QEMU's docs/specs/pvpanic). */
#ifndef VITRINE_DEV_PVPANIC_H
#define VITRINE_DEV_PVPANIC_H

struct bus;
struct pvpanic;

struct pvpanic_config {
    struct bus *pio;
    /* The guest's kernel panicked. On a vCPU thread. */
    void (*panicked)(void *data);
    void *data;
};

/* NULL where memory is short. */
struct pvpanic *pvpanic_create(const struct pvpanic_config *config);
/* Accepts NULL. */
void pvpanic_destroy(struct pvpanic *pvpanic);

#endif
