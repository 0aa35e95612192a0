/* SPDX-License-Identifier: MIT */
/* How a journal lies in its memfd: for journal.c, and for tests that forge one. All zero: empty. */
#ifndef VITRINE_GPU_JOURNAL_FILE_H
#define VITRINE_GPU_JOURNAL_FILE_H

#include <linux/virtio_gpu.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "gpu/journal.h"
#include "gpu/resource.h"

#define JOURNAL_VERSION 1u
/* Backing entries in a block, and blocks enough for all of them, the last of each resource not full. */
#define JOURNAL_BLOCK 64u
#define JOURNAL_BLOCKS (RESOURCE_MAX_ALL_ENTRIES / JOURNAL_BLOCK + RESOURCE_MAX)

enum journal_kind { JOURNAL_FREE, JOURNAL_HOST, JOURNAL_BLOB };

struct journal_slot {
    uint32_t kind; /* written last: the slot holds a resource */
    uint32_t id;
    uint32_t width, height, format;
    uint32_t attached; /* written last: first_block and n_entries are its backing */
    uint32_t first_block, n_entries;
    uint64_t size;
};

/* Each state is written where the last one is not, then `now` says which counts: 1 or 2; 0: none. */
struct journal_screen {
    uint32_t scanout_now, cursor_now;
    struct journal_scanout scanout[2];
    struct journal_cursor cursor[2];
};

struct journal_file {
    uint32_t version; /* 0: nothing was written yet */
    uint32_t padding;
    struct journal_screen screen[DISPLAY_MAX_SCANOUTS];
    struct journal_slot slot[RESOURCE_MAX];
    uint32_t next[JOURNAL_BLOCKS]; /* the block that goes on with a backing */
    struct virtio_gpu_mem_entry entry[JOURNAL_BLOCKS][JOURNAL_BLOCK];
};

#endif
