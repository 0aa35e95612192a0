// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/log.h"
#include "vmm/block/open.h"

/* Each image of a chain takes file descriptors and memory. */
#define MAX_DEPTH 64

static bool has_qcow2_magic(const struct image_file *file)
{
    char magic[4];
    return pread(file->fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
           memcmp(magic, QCOW2_MAGIC, sizeof(magic)) == 0;
}

struct block_dev *block_open_at(struct aio *aio, const struct block_options *options,
                                unsigned depth)
{
    struct image_file file;
    if (depth > MAX_DEPTH) {
        log_error("more than %d backing files behind each other, or in a circle", MAX_DEPTH);
        return NULL;
    }
    if (!image_file_open(&file, options->path, options->read_only, options->direct))
        return NULL;
    bool qcow2 = options->format != BLOCK_FORMAT_RAW && has_qcow2_magic(&file);
    if (options->format == BLOCK_FORMAT_QCOW2 && !qcow2) {
        log_error("the disk %s is no qcow2 image: 'format=raw' takes it as it is", options->path);
        image_file_close(&file);
        return NULL;
    }
    if (qcow2)
        return qcow2_create(aio, &file, options, depth);
    return raw_create(aio, &file, options, options->format == BLOCK_FORMAT_ANY);
}

struct block_dev *block_open(struct aio *aio, const struct block_options *options)
{
    return block_open_at(aio, options, 0);
}
