// SPDX-License-Identifier: MIT
#include "tests/fuzz/qcow2_target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "vmm/block/aio.h"
#include "vmm/block/block.h"

#define OPS 24
#define LONGEST (96 * 1024)

static void done(struct block_req *req, int err)
{
}

static void one(struct block_dev *block, enum block_op op, uint64_t offset, uint64_t len,
                uint8_t *buf)
{
    const struct iovec iov = { buf, len };
    bool data = op == BLOCK_READ || op == BLOCK_WRITE;
    struct block_req req = { .op = op,
                             .unmap = offset & 1024,
                             .offset = offset,
                             .length = data ? 0 : len,
                             .iov = &iov,
                             .n_iov = data,
                             .done = done };
    block_submit(block, &req);
    block_drain(block);
}

static void use(struct block_dev *block)
{
    static const enum block_op ops[] = { BLOCK_READ, BLOCK_WRITE,   BLOCK_WRITE, BLOCK_WRITE_ZEROES,
                                         BLOCK_READ, BLOCK_DISCARD, BLOCK_WRITE, BLOCK_FLUSH };
    static uint8_t buf[LONGEST];
    uint64_t sectors = block->size / BLOCK_SECTOR, seed = 1;
    for (unsigned i = 0; i < OPS; i++) {
        seed = seed * 6364136223846793005ull + 1442695040888963407ull;
        /* Mostly near the beginning and the end, where tables are. */
        uint64_t at = (seed >> 40) % (i % 3 ? 4096 : sectors);
        at = i % 5 == 4 && sectors > 64 ? sectors - 64 : at % sectors;
        uint64_t n = MIN(1 + (seed >> 33) % (LONGEST / BLOCK_SECTOR), sectors - at);
        if (!block->read_only || ops[i % 8] == BLOCK_READ)
            one(block, ops[i % 8], at * BLOCK_SECTOR, n * BLOCK_SECTOR, buf);
    }
}

/* Kept from one call to the next: the kernel takes its time to make a ring. */
static struct loop *loop;
static struct aio *aio;

bool qcow2_target(const uint8_t *data, size_t len)
{
    char path[40];
    bool writable = false;
    int fd = memfd_create("image", MFD_CLOEXEC);
    if (!loop) {
        loop = loop_create();
        aio = loop ? aio_create(loop, AIO_ANY) : NULL;
    }
    if (!aio || fd < 0 || fd_pwrite_full(fd, data, len, 0) < 0)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    for (unsigned read_only = 0; read_only < 2; read_only++) {
        struct block_dev *block = block_open(
            aio, &(struct block_options){
                     .path = path, .read_only = read_only, .format = BLOCK_FORMAT_QCOW2 });
        writable |= block && !read_only;
        if (block)
            use(block);
        block_close(block);
    }
    close(fd);
    return writable;
}
