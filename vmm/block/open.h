/* SPDX-License-Identifier: MIT */
/* What block_open() chooses from. Part of the block layer. */
#ifndef VITRINE_BLOCK_OPEN_H
#define VITRINE_BLOCK_OPEN_H

#include "vmm/block/block.h"
#include "vmm/block/file.h"

/* "QFI\xfb": the first four bytes of a qcow2 image. */
#define QCOW2_MAGIC "QFI\xfb"

/* The image's device, on an open file that becomes its own, also where it fails, which is logged.
 * guarded: raw was a guess, so that the guest may not write QCOW2_MAGIC to the image's beginning. */
struct block_dev *raw_create(struct aio *aio, struct image_file *file,
                             const struct block_options *options, bool guarded);
struct block_dev *qcow2_create(struct aio *aio, struct image_file *file,
                               const struct block_options *options, unsigned depth);

/* block_open() for the backing file at that place of a chain. */
struct block_dev *block_open_at(struct aio *aio, const struct block_options *options,
                                unsigned depth);

#endif
