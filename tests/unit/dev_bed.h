/* SPDX-License-Identifier: MIT */
/* A device model with no transport: its loop runs when the test says so, and the test is the driver
 * of its queue 0. */
#ifndef VITRINE_TESTS_UNIT_DEV_BED_H
#define VITRINE_TESTS_UNIT_DEV_BED_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/ring.h"
#include "vmm/base/util.h"
#include "vmm/core/mem.h"
#include "vmm/virtio/device.h"

#define DEV_BED_RAM (16 * MIB)
/* RAM that no ring uses. */
#define DEV_BED_DATA 0x100000ull

struct dev_bed {
    struct guest_mem mem;
    struct loop *loop;
    struct virtio_dev *dev;
    struct ring ring;
    unsigned n_broken, n_config_changes;
};

/* RAM and a loop, for the model to be made with. */
void dev_bed_init(struct dev_bed *bed);
/* Starts dev with what it offers besides `without`, and a ring of `size` entries. */
void dev_bed_start(struct dev_bed *bed, struct virtio_dev *dev, uint64_t without, uint16_t size);
void dev_bed_stop(struct dev_bed *bed);
/* The model is gone. */
void dev_bed_finish(struct dev_bed *bed);

/* Kicks if the device wants to be, and lets it run until nothing is left to do. */
void dev_bed_kick(struct dev_bed *bed);
/* Whether the driver was interrupted since the last call. */
bool dev_bed_interrupted(struct dev_bed *bed);

#endif
