// SPDX-License-Identifier: MIT
#include "tests/unit/power_cut.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "vmm/base/util.h"

enum kind { WRITE, TRUNCATE, PUNCH };

struct change {
    enum kind kind;
    uint64_t offset, len;
    uint8_t *data;
};

/* One thread at a time writes: the others only sync, while it waits for them. */
static struct change *changes;
static size_t n_changes, room;
static uint64_t count, cut_at, chance;
static bool only_syncs;
static int durable = -1;

static void apply(const struct change *c)
{
    long ok = 0;
    switch (c->kind) {
    case WRITE:
        ok = syscall(SYS_pwrite64, durable, c->data, c->len, c->offset);
        break;
    case TRUNCATE:
        ok = syscall(SYS_ftruncate, durable, c->offset);
        break;
    case PUNCH:
        ok = syscall(SYS_fallocate, durable, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, c->offset,
                     c->len);
        break;
    }
    if (ok < 0)
        abort();
}

static void die(void)
{
    for (size_t i = 0; durable >= 0 && i < n_changes; i++) {
        chance = chance * 6364136223846793005ull + 1442695040888963407ull;
        if (chance >> 63)
            apply(&changes[i]);
    }
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

static void note(enum kind kind, uint64_t offset, uint64_t len, const void *data)
{
    if (!only_syncs && ++count == cut_at)
        die();
    if (durable < 0)
        return;
    if (n_changes == room) {
        room = MAX(2 * room, 64u);
        changes = realloc(changes, room * sizeof(*changes));
    }
    struct change *c = &changes[n_changes++];
    *c = (struct change){ kind, offset, len, data ? malloc(len) : NULL };
    if (data)
        memcpy(c->data, data, len);
}

static void synced(void)
{
    for (size_t i = 0; durable >= 0 && i < n_changes; i++) {
        apply(&changes[i]);
        free(changes[i].data);
    }
    n_changes = 0;
}

void power_cut_arm(uint64_t at, bool syncs, int durable_fd, uint64_t seed)
{
    only_syncs = syncs;
    count = 0;
    cut_at = at;
    durable = durable_fd;
    chance = seed;
}

uint64_t power_cut_count(void)
{
    return count;
}

#define REPLACED __attribute__((visibility("default")))

REPLACED ssize_t pwrite64(int fd, const void *buf, size_t len, off64_t offset)
{
    note(WRITE, (uint64_t)offset, len, buf);
    return syscall(SYS_pwrite64, fd, buf, len, offset);
}

REPLACED ssize_t pwritev64(int fd, const struct iovec *iov, int n, off64_t offset)
{
    ssize_t all = 0;
    for (int i = 0; i < n; i++)
        all += pwrite64(fd, iov[i].iov_base, iov[i].iov_len, offset + all);
    return all;
}

REPLACED int ftruncate64(int fd, off64_t size)
{
    note(TRUNCATE, (uint64_t)size, 0, NULL);
    return (int)syscall(SYS_ftruncate, fd, size);
}

REPLACED int fallocate64(int fd, int mode, off64_t offset, off64_t len)
{
    note(PUNCH, (uint64_t)offset, (uint64_t)len, NULL);
    return (int)syscall(SYS_fallocate, fd, mode, offset, len);
}

REPLACED int fdatasync(int fd)
{
    if (++count == cut_at)
        die();
    int err = (int)syscall(SYS_fdatasync, fd);
    synced();
    return err;
}
