// SPDX-License-Identifier: MIT
#include "vmm/block/sync.h"

#include <errno.h>

#include "vmm/base/util.h"
#include "vmm/block/block.h"

static void synced(struct aio_req *io, int64_t result);

static void start(struct block_sync *sync)
{
    sync->running = sync->waiting;
    sync->waiting = NULL;
    sync->io = (struct aio_req){ .op = AIO_SYNC, .fd = sync->fd, .done = synced };
    aio_submit(sync->aio, &sync->io);
}

/* The next one starts before anybody is answered, so that whoever drains the aio waits for it too. */
static void synced(struct aio_req *io, int64_t result)
{
    struct block_sync *sync = container_of(io, struct block_sync, io);
    struct block_req *req = sync->running, *next;
    sync->running = NULL;
    if (result < 0)
        sync->failed(req->block, (int)result);
    if (sync->waiting)
        start(sync);
    for (; req; req = next) {
        next = req->next;
        req->done(req, req->block->lost ? -EIO : 0);
    }
}

void block_sync_submit(struct block_sync *sync, struct block_req *req)
{
    req->next = NULL;
    if (sync->waiting)
        sync->waiting_last->next = req;
    else
        sync->waiting = req;
    sync->waiting_last = req;
    if (!sync->running)
        start(sync);
}
