/* SPDX-License-Identifier: MIT */
/* How a disk is given on a command line: FILE[,option]... */
#ifndef VITRINE_APP_DISK_OPTIONS_H
#define VITRINE_APP_DISK_OPTIONS_H

#include <stdbool.h>

#include "vmm/block/aio.h"
#include "vmm/block/block.h"
#include "vmm/virtio/blk.h"

#define DISK_MAX_QUEUES 16
#define DISK_MAX_SERIAL 20

struct disk_options {
    char *path; /* owned */
    bool read_only;
    enum block_format format;
    bool direct;
    enum aio_kind aio;
    bool werror_given;
    enum virtio_blk_werror werror;    /* where it is not given, what suits */
    char serial[DISK_MAX_SERIAL + 1]; /* empty: one is made up */
    unsigned queues;                  /* 0: whatever suits */
};

/* what: the option's name, for messages. False after one line on stderr that says what is wrong and
 * what would be right. Call disk_options_finish() in every case. */
bool disk_options_parse(struct disk_options *options, const char *what, const char *value);
void disk_options_finish(struct disk_options *options);

#endif
