// SPDX-License-Identifier: MIT
/*
 * Writes that change tables. New clusters get their whole content, what was there before the write
 * included, before a table points to them.
 */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

int qcow2_read_data_now(struct qcow2 *q, uint64_t at, uint8_t *buf, uint64_t len)
{
    while (len > 0) {
        ssize_t n = pread(q->file.fd, buf, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        buf += n;
        at += (uint64_t)n;
        len -= (uint64_t)n;
    }
    /* The last cluster need not be there as a whole. */
    if (len > 0) {
        int64_t size = image_file_size(&q->file);
        if (size < 0 || at + len > ALIGN_UP((uint64_t)size, (uint64_t)q->cluster))
            return -EIO;
        memset(buf, 0, len);
    }
    return 0;
}

static int read_backing(struct qcow2 *q, uint64_t pos, uint8_t *buf, uint64_t len)
{
    uint64_t there = !q->backing || pos >= q->backing->size ? 0 : MIN(len, q->backing->size - pos);
    memset(buf + there, 0, len - there);
    return there > 0 ? q->backing->ops->read_now(q->backing, pos, buf, there) : 0;
}

int qcow2_read_now(struct qcow2 *q, uint64_t pos, uint8_t *buf, uint64_t len)
{
    while (len > 0) {
        struct qcow2_extent e;
        int err = qcow2_map(q, pos, len, &e);
        if (err < 0)
            return err;
        switch (e.kind) {
        case QCOW2_HOLE:
            err = read_backing(q, pos, buf, e.len);
            break;
        case QCOW2_ZEROES:
            memset(buf, 0, e.len);
            break;
        case QCOW2_DATA:
            err = qcow2_read_data_now(q, e.at, buf, e.len);
            break;
        case QCOW2_PACKED:
            err = qcow2_unpack(q, e.entry);
            if (err == 0)
                memcpy(buf, q->unpacked + pos % q->cluster, e.len);
            break;
        }
        if (err < 0)
            return err;
        pos += e.len;
        buf += e.len;
        len -= e.len;
    }
    return 0;
}

/* skip bytes into the list; a NULL list is zeroes. */
static int put(struct qcow2 *q, const struct iovec *iov, unsigned n_iov, uint64_t skip, uint64_t at,
               uint64_t len)
{
    static const uint8_t zeroes[64 * 1024];
    uint64_t end = at + len;
    int err = 0;
    if (!iov) {
        for (; len > 0 && err == 0; len -= MIN(len, sizeof(zeroes)))
            err = fd_pwrite_full(q->file.fd, zeroes, MIN(len, sizeof(zeroes)), end - len);
    }
    for (unsigned i = 0; iov && i < n_iov && len > 0 && err == 0; i++) {
        uint64_t part = MIN(skip, iov[i].iov_len), n = MIN(iov[i].iov_len - part, len);
        skip -= part;
        err = fd_pwrite_full(q->file.fd, (uint8_t *)iov[i].iov_base + part, n, end - len);
        len -= n;
    }
    return err;
}

/* What was at pos goes to the new cluster. fresh: there are zeroes already. */
static int keep_old(struct qcow2 *q, uint64_t pos, uint64_t at, uint64_t len, bool fresh)
{
    if (len == 0)
        return 0;
    struct qcow2_extent e;
    int err = qcow2_map(q, pos, len, &e);
    if (err < 0)
        return err;
    bool zeroes = e.kind == QCOW2_ZEROES ||
                  (e.kind == QCOW2_HOLE && (!q->backing || pos >= q->backing->size));
    if (zeroes && fresh)
        return 0;
    err = qcow2_read_now(q, pos, q->scratch, len);
    const struct iovec iov = { q->scratch, len };
    return err < 0 ? err : put(q, &iov, 1, 0, at, len);
}

/* Makes the file as long as the clusters need it, where they are behind its end: they are zeroes then. */
static bool extend(const struct qcow2 *q, uint64_t at, uint64_t len)
{
    int64_t size = image_file_size(&q->file);
    return size >= 0 && at >= (uint64_t)size && ftruncate(q->file.fd, (off_t)(at + len)) == 0;
}

/* Writes len bytes at pos, all within the new clusters that begin at `at`. */
static int fill(struct qcow2 *q, uint64_t at, uint64_t pos, const struct iovec *iov, unsigned n_iov,
                uint64_t skip, uint64_t len, bool fresh)
{
    uint64_t head = pos % q->cluster, end = head + len;
    uint64_t tail = ALIGN_UP(end, (uint64_t)q->cluster) - end;
    int err = keep_old(q, pos - head, at, head, fresh);
    if (err == 0)
        err = keep_old(q, pos + len, at + end, tail, fresh);
    return err < 0 ? err : put(q, iov, n_iov, skip, at + head, len);
}

/* How many clusters from pos on, up to max, need new ones. */
static int count_new(struct qcow2 *q, uint64_t pos, uint64_t max, uint64_t *n)
{
    for (*n = 0; *n < max; ++*n) {
        uint64_t entry;
        int err = qcow2_get_entry(q, pos + *n * q->cluster, &entry);
        if (err < 0)
            return err;
        if (!(entry & QCOW2_COMPRESSED) && (entry & QCOW2_COPIED) && (entry & QCOW2_OFFSET))
            break;
    }
    return 0;
}

/* Clusters that are kept for this place, but read as zeroes. */
static int write_kept(struct qcow2 *q, uint64_t entry, uint64_t pos, const struct iovec *iov,
                      unsigned n_iov, uint64_t skip, uint64_t len)
{
    uint64_t at = entry & QCOW2_OFFSET;
    if (at % q->cluster)
        return qcow2_corrupt(q, "an entry of an L2 table", at);
    int err = fill(q, at, pos, iov, n_iov, skip, len, extend(q, at, q->cluster));
    return err < 0 ? err : qcow2_set_entry(q, pos, at | QCOW2_COPIED);
}

static int write_new(struct qcow2 *q, uint64_t pos, const struct iovec *iov, unsigned n_iov,
                     uint64_t skip, uint64_t len, uint64_t *done)
{
    uint64_t head = pos % q->cluster, n, got = 0;
    int err = count_new(q, pos, (head + len + q->cluster - 1) / q->cluster, &n);
    int64_t at = err < 0 ? err : qcow2_alloc(q, n, &got);
    if (at < 0)
        return (int)at;
    len = MIN(len, got * q->cluster - head);
    bool fresh = extend(q, (uint64_t)at, got * q->cluster);
    err = fill(q, (uint64_t)at, pos, iov, n_iov, skip, len, fresh);
    for (uint64_t i = 0; i < got; i++) {
        uint64_t cluster = (uint64_t)at + i * q->cluster;
        if (err == 0)
            err = qcow2_set_entry(q, pos - head + i * q->cluster, cluster | QCOW2_COPIED);
        if (err < 0) {
            qcow2_unref(q, (struct qcow2_run){ cluster, got - i }, NULL);
            return err;
        }
    }
    *done = len;
    return 0;
}

int qcow2_write_now(struct qcow2 *q, uint64_t pos, const struct iovec *iov, unsigned n_iov,
                    uint64_t skip, uint64_t len)
{
    while (len > 0) {
        struct qcow2_extent e;
        if (q->h.corrupt)
            return -EIO;
        int err = qcow2_map(q, pos, len, &e);
        if (err < 0)
            return err;
        uint64_t done = e.len;
        if (e.kind == QCOW2_DATA && e.copied) {
            err = put(q, iov, n_iov, skip, e.at, done);
        } else if (e.kind == QCOW2_ZEROES && e.copied && (e.entry & QCOW2_OFFSET)) {
            done = MIN(len, q->cluster - pos % q->cluster);
            err = write_kept(q, e.entry, pos, iov, n_iov, skip, done);
        } else {
            err = write_new(q, pos, iov, n_iov, skip, len, &done);
        }
        if (err < 0)
            return err;
        pos += done;
        skip += done;
        len -= done;
    }
    return 0;
}

/* The entry for a whole cluster of zeroes, without a cluster. False where the version has none. */
static bool zero_entry(const struct qcow2 *q, uint64_t pos, uint64_t *entry)
{
    bool hidden = !q->backing || pos >= q->backing->size;
    *entry = hidden ? 0 : QCOW2_ZERO;
    return hidden || q->h.version >= 3;
}

static int zero_cluster(struct qcow2 *q, uint64_t pos, bool unmap)
{
    uint64_t old, entry;
    int err = qcow2_get_entry(q, pos, &old);
    if (err < 0)
        return err;
    bool kept = !(old & QCOW2_COMPRESSED) && (old & QCOW2_COPIED) && (old & QCOW2_OFFSET);
    if (!unmap && kept && q->h.version >= 3)
        entry = old | QCOW2_ZERO;
    else if (!zero_entry(q, pos, &entry))
        return qcow2_write_now(q, pos, NULL, 0, 0, q->cluster);
    return old == entry ? 0 : qcow2_set_entry(q, pos, entry);
}

int qcow2_write_zeroes(struct qcow2 *q, uint64_t pos, uint64_t len, bool unmap)
{
    while (len > 0) {
        uint64_t part = MIN(len, q->cluster - pos % q->cluster);
        int err = q->h.corrupt         ? -EIO
                  : part == q->cluster ? zero_cluster(q, pos, unmap)
                                       : qcow2_write_now(q, pos, NULL, 0, 0, part);
        if (err < 0)
            return err;
        pos += part;
        len -= part;
    }
    return 0;
}

int qcow2_discard(struct qcow2 *q, uint64_t pos, uint64_t len)
{
    uint64_t end = pos + len;
    /* A last cluster that the disk ends in counts as a whole. */
    if (end == q->block.size)
        end = ALIGN_UP(end, (uint64_t)q->cluster);
    for (pos = ALIGN_UP(pos, (uint64_t)q->cluster); pos + q->cluster <= end; pos += q->cluster) {
        uint64_t old, entry;
        int err = q->h.corrupt ? -EIO : qcow2_get_entry(q, pos, &old);
        if (err < 0)
            return err;
        if (old == 0 || !zero_entry(q, pos, &entry) || old == entry)
            continue;
        err = qcow2_set_entry(q, pos, entry);
        if (err < 0)
            return err;
    }
    return 0;
}
