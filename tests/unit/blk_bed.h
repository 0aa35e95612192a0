/* SPDX-License-Identifier: MIT */
/* A virtio disk and its driver's side, on a block device in memory that can be told to fail. */
#ifndef VITRINE_TESTS_UNIT_BLK_BED_H
#define VITRINE_TESTS_UNIT_BLK_BED_H

#include <linux/virtio_blk.h>
#include <stdbool.h>
#include <stdint.h>

#include "tests/unit/dev_bed.h"
#include "vmm/block/block.h"

#define DISK_SIZE (128 * 1024)
#define HEADER_GPA DEV_BED_DATA
#define STATUS_GPA (DEV_BED_DATA + 0x1000)
#define BUFFER_GPA (DEV_BED_DATA + 0x2000)
#define TABLES_GPA (DEV_BED_DATA + 0x100000)
#define NO_STATUS 0xee

struct blk_bed {
    struct dev_bed base;
    struct block_dev block;
    struct virtio_dev *dev;
    uint8_t disk[DISK_SIZE];
    unsigned n_flushes, n_writes, n_closed, n_discards, n_zeroes;
    bool unmap;
    int fail; /* the error that every request ends with; 0: none */
    bool hold;
    struct block_req *held; /* waits for drain */
    unsigned n_held;        /* times that the model has told of a failed request */
};

/* cmocka's; *state is the bed, with a writable disk that has started. */
int blk_bed_set_up(void **state);
int blk_bed_tear_down(void **state);

/* Makes the device anew, without the features in `without`. */
void blk_bed_start(struct blk_bed *bed, bool read_only, uint64_t without);
void blk_bed_stop(struct blk_bed *bed);

uint8_t *blk_bed_ram(struct blk_bed *bed, uint64_t gpa);
/* Writes the header to HEADER_GPA, and NO_STATUS where the status comes. */
void blk_bed_header(struct blk_bed *bed, uint32_t type, uint64_t sector);
/* Sends the chain and returns the status; *written gets the used length. */
uint8_t blk_bed_send(struct blk_bed *bed, const struct ring_buf *buf, unsigned n,
                     uint32_t *written);
/* One request with one data buffer of len bytes at BUFFER_GPA. */
uint8_t blk_bed_request(struct blk_bed *bed, uint32_t type, uint64_t sector, uint32_t len, bool in,
                        uint32_t *written);

#endif
