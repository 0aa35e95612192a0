/* SPDX-License-Identifier: MIT */
/*
 * What a successor of this process must know to show the guest's screens again: 2D resources and guest
 * blobs with their backings, scanouts and cursors. It lies in a memfd that the machine owns.
 *
 * It is a table with a slot for each resource and a pool of blocks for backing entries; which of both are
 * free is remembered apart from it. What an entry says is written before the word that makes it count,
 * with a release store, and unmade in the opposite order, so that a process killed between any two
 * instructions leaves one that holds together. A change costs a few stores, a backing as many as it has
 * entries; nothing is allocated, and a flush changes nothing.
 *
 * A successor believes nothing of it unchecked: the process that wrote it may have been its guest's.
 * All of it belongs to the device's loop. Functions accept a NULL journal and do nothing.
 */
#ifndef VITRINE_GPU_JOURNAL_H
#define VITRINE_GPU_JOURNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/frame.h"
#include "gpu/resource.h"

struct journal;
struct virtio_gpu_mem_entry;

/* For the machine: a memfd for an empty journal (the caller's, or a negative errno); and empties it,
 * while no process has a device started with it. Never waits. */
int journal_memfd(void);
void journal_clear(int fd);

/* Maps the journal in fd, which is taken. NULL where it is none; the reason is logged. */
struct journal *journal_open(int fd);
void journal_close(struct journal *journal);

/* Reading what a predecessor wrote: begin, then each slot from 0 to RESOURCE_MAX - 1 and each scanout,
 * then end. From then on, until the next journal_stop(), changes are noted. */
void journal_begin(struct journal *journal);
void journal_end(struct journal *journal);
/* The device stops: what is in the journal stays as it is. */
void journal_stop(struct journal *journal);

struct journal_resource {
    uint32_t id; /* not checked */
    enum resource_kind kind;
    uint32_t width, height, format; /* of a host resource; not checked */
    uint64_t size;                  /* of a guest blob, bytes; not checked */
    bool has_backing;
    uint32_t n_entries; /* at most RESOURCE_MAX_ENTRIES */
};

/* What is in a slot; its backing's entries go to `entries`, with room for RESOURCE_MAX_ENTRIES. False
 * where there is nothing, or what can't be read, which is then forgotten. */
bool journal_read(struct journal *journal, unsigned slot, struct journal_resource *resource,
                  struct virtio_gpu_mem_entry *entries);
/* The resource could be made anew, and is noted in the slot from now on; or could not. */
void journal_keep(struct journal *journal, unsigned slot, struct gpu_resource *resource);
void journal_drop(struct journal *journal, unsigned slot);

struct journal_scanout {
    uint32_t resource_id;
    uint32_t padding;
    struct resource_layout layout; /* of a guest blob */
    struct frame_rect source;
};

struct journal_cursor {
    uint32_t resource_id;
    uint32_t hot_x, hot_y;
};

/* False where the scanout was off, the cursor hidden. Nothing of it is checked. */
bool journal_read_scanout(struct journal *journal, unsigned scanout, struct journal_scanout *state);
bool journal_read_cursor(struct journal *journal, unsigned scanout, struct journal_cursor *state);

/* Noting changes. A resource with its backing, if it has one already; one that can't be noted, for want
 * of room, does not survive this process. */
void journal_add(struct journal *journal, struct gpu_resource *resource);
void journal_attach(struct journal *journal, struct gpu_resource *resource);
void journal_detach(struct journal *journal, struct gpu_resource *resource);
void journal_remove(struct journal *journal, struct gpu_resource *resource);
/* NULL: off, hidden. */
void journal_set_scanout(struct journal *journal, unsigned scanout,
                         const struct journal_scanout *state);
void journal_set_cursor(struct journal *journal, unsigned scanout,
                        const struct journal_cursor *state);

#endif
