/* SPDX-License-Identifier: MIT */
/* A disk image's file on the host. Part of the block layer. */
#ifndef VITRINE_BLOCK_FILE_H
#define VITRINE_BLOCK_FILE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "vmm/block/aio.h"

struct image_file {
    int fd;                /* through the page cache */
    int direct_fd;         /* O_DIRECT, or -1 */
    uint32_t direct_align; /* what offsets, lengths and addresses have to be a multiple of there */
    uint32_t sector;       /* bytes: 512 to 4096 */
    dev_t dev;
    ino_t ino;
};

/* Opens and locks a regular file or a block device. False, with one log line, for what is none or can't
 * be had. */
bool image_file_open(struct image_file *file, const char *path, bool read_only, bool direct);
void image_file_close(struct image_file *file);
/* The size in bytes now; a negative errno where it can't be told. */
int64_t image_file_size(const struct image_file *file);
/* Aims a read or write, whose offset and list are set, at the fd that can take it. */
void image_file_aim(const struct image_file *file, struct aio_req *req);

#endif
