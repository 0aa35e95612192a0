/* SPDX-License-Identifier: MIT */
/* A block device on a loop of the test's, whose requests are waited for. */
#ifndef VITRINE_TESTS_UNIT_BLOCK_BED_H
#define VITRINE_TESTS_UNIT_BLOCK_BED_H

#include <stdlib.h>
#include <string.h>

#include "tests/test.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/block/aio.h"
#include "vmm/block/block.h"

struct block_bed {
    struct loop *loop;
    struct aio *aio;
};

static inline void block_bed_init(struct block_bed *bed, enum aio_kind kind)
{
    bed->loop = loop_create();
    assert_non_null(bed->loop);
    bed->aio = aio_create(bed->loop, kind);
    assert_non_null(bed->aio);
}

static inline void block_bed_finish(struct block_bed *bed)
{
    aio_destroy(bed->aio);
    loop_destroy(bed->loop);
}

struct block_result {
    struct block_req req;
    int err;
    bool done;
};

static inline void block_result_note(struct block_req *req, int err)
{
    struct block_result *r = container_of(req, struct block_result, req);
    assert_false(r->done);
    r->done = true;
    r->err = err;
}

static inline int block_do(struct block_bed *bed, struct block_dev *block, struct block_req req)
{
    struct block_result r = { .req = req };
    r.req.done = block_result_note;
    block_submit(block, &r.req);
    loop_run_once(bed->loop, 0);
    if (!r.done)
        block_drain(block);
    assert_true(r.done);
    return r.err;
}

static inline int block_rw(struct block_bed *bed, struct block_dev *block, enum block_op op,
                           uint64_t offset, void *data, size_t len)
{
    const struct iovec iov = { data, len };
    return block_do(bed, block,
                    (struct block_req){ .op = op, .offset = offset, .iov = &iov, .n_iov = 1 });
}

static inline int block_erase(struct block_bed *bed, struct block_dev *block, enum block_op op,
                              uint64_t offset, uint64_t length, bool unmap)
{
    return block_do(
        bed, block,
        (struct block_req){ .op = op, .offset = offset, .length = length, .unmap = unmap });
}

static inline int block_sync(struct block_bed *bed, struct block_dev *block)
{
    return block_do(bed, block, (struct block_req){ .op = BLOCK_FLUSH });
}

#endif
