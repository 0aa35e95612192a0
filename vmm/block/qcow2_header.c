// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

#define V2_SIZE 72u
#define V3_SIZE 104u
#define MAX_REFTABLE_BYTES (8 * MIB)
#define EXTENSION_END 0u
#define EXTENSION_BACKING_FORMAT 0xe2792acau

/* Incompatible features. */
#define F_DIRTY 1ull
#define F_CORRUPT 2ull
#define F_DATA_FILE 4ull
#define F_COMPRESSION 8ull
#define F_EXTENDED_L2 16ull

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint64_t be64(const uint8_t *p)
{
    return (uint64_t)be32(p) << 32 | be32(p + 4);
}

static bool features_known(const struct qcow2_header *h, const char *path, uint64_t incompatible,
                           bool read_only)
{
    uint64_t known = F_DIRTY | F_CORRUPT | F_COMPRESSION;
    const char *what = incompatible & F_DATA_FILE     ? "keeps its data in another file"
                       : incompatible & F_EXTENDED_L2 ? "has extended L2 entries"
                       : incompatible & ~known        ? "has features that are unknown here"
                                                      : NULL;
    if (what) {
        log_error("the disk %s %s: 'qemu-img convert -O qcow2' makes an image without that", path,
                  what);
        return false;
    }
    if (!read_only && (h->dirty || h->corrupt)) {
        log_error("the disk %s is marked %s: 'qemu-img check -r all' repairs it, or ',ro' behind "
                  "its name reads what is there",
                  path, h->corrupt ? "corrupt" : "dirty");
        return false;
    }
    return true;
}

/* What lies behind the header in its cluster. */
static const char *read_extensions(struct qcow2_header *h, const uint8_t *head, uint64_t at,
                                   uint64_t end)
{
    while (at + 8 <= end) {
        uint32_t type = be32(head + at), len = be32(head + at + 4);
        at += 8;
        if (type == EXTENSION_END)
            return NULL;
        if (len > end - at)
            return "a header extension that is too long";
        if (type == EXTENSION_BACKING_FORMAT) {
            if (len >= sizeof(h->backing_format))
                return "a backing format that is too long";
            memcpy(h->backing_format, head + at, len);
        }
        at += ALIGN_UP((uint64_t)len, 8);
    }
    return NULL;
}

static bool table_fits(uint64_t at, uint64_t bytes, uint32_t cluster, uint64_t file_size)
{
    uint64_t end;
    return at % cluster == 0 && !__builtin_add_overflow(at, bytes, &end) && end <= file_size;
}

/* NULL, or what is wrong. */
static const char *check(const struct qcow2_header *h, uint64_t file_size)
{
    uint32_t cluster = 1u << h->cluster_bits;
    uint64_t per_l2 = (uint64_t)cluster * (cluster / 8);
    if (h->size == 0 || h->size % BLOCK_SECTOR || h->size > INT64_MAX)
        return "a size that no disk has";
    if (h->l1_size * 8ull > QCOW2_MAX_L1 || (h->size - 1) / per_l2 >= QCOW2_MAX_L1 / 8)
        return "a size that is too large for its cluster size";
    if (h->l1_size < (h->size - 1) / per_l2 + 1)
        return "an L1 table that is too small";
    if (h->l1_at == 0 || !table_fits(h->l1_at, h->l1_size * 8ull, cluster, file_size))
        return "an L1 table outside the file";
    if (h->reftable_clusters == 0 ||
        (uint64_t)h->reftable_clusters << h->cluster_bits > MAX_REFTABLE_BYTES)
        return "a refcount table of no sensible size";
    if (h->reftable_at == 0 ||
        !table_fits(h->reftable_at, (uint64_t)h->reftable_clusters << h->cluster_bits, cluster,
                    file_size))
        return "a refcount table outside the file";
    return NULL;
}

static const char *parse(struct qcow2_header *h, const uint8_t *head, uint64_t n,
                         uint64_t *incompatible)
{
    if (n < V2_SIZE || memcmp(head, QCOW2_MAGIC, 4) != 0)
        return "no whole header";
    h->version = be32(head + 4);
    uint64_t backing_at = be64(head + 8);
    uint32_t backing_len = be32(head + 16);
    uint32_t crypt = be32(head + 32);
    h->cluster_bits = be32(head + 20);
    h->size = be64(head + 24);
    h->l1_size = be32(head + 36);
    h->l1_at = be64(head + 40);
    h->reftable_at = be64(head + 48);
    h->reftable_clusters = be32(head + 56);
    h->n_snapshots = be32(head + 60);
    h->refcount_order = 4;
    uint64_t header_size = V2_SIZE;
    if (h->version != 2 && h->version != 3)
        return "a version that is neither 2 nor 3";
    if (h->cluster_bits < 9 || h->cluster_bits > 21)
        return "clusters that are not between 512 bytes and 2 MiB";
    if (crypt != 0)
        return "encryption, which is not supported: 'qemu-img convert' can make a plain copy";
    if (h->version == 3) {
        if (n < V3_SIZE)
            return "no whole header";
        *incompatible = be64(head + 72);
        h->autoclear = be64(head + 88);
        h->refcount_order = be32(head + 96);
        header_size = be32(head + 100);
        if (header_size < V3_SIZE || header_size % 8 || header_size > n)
            return "a header of a wrong length";
        if (h->refcount_order > 6)
            return "refcounts of more than 64 bits";
        uint8_t compression = header_size > V3_SIZE ? head[104] : 0;
        if (compression > QCOW2_ZSTD || (compression != 0) != !!(*incompatible & F_COMPRESSION))
            return "a compression type that is unknown";
        h->compression = compression;
    }
    h->dirty = *incompatible & F_DIRTY;
    h->corrupt = *incompatible & F_CORRUPT;
    uint64_t end = MIN(n, 1ull << h->cluster_bits);
    if (backing_at != 0) {
        if (backing_len == 0 || backing_len >= sizeof(h->backing) || backing_at < header_size ||
            backing_at > end || backing_len > end - backing_at ||
            memchr(head + backing_at, 0, backing_len))
            return "a backing file's name outside the header";
        memcpy(h->backing, head + backing_at, backing_len);
        end = backing_at;
    }
    return read_extensions(h, head, header_size, end);
}

bool qcow2_header_read(struct qcow2_header *h, const struct image_file *file, const char *path,
                       bool read_only)
{
    uint8_t head[64 * KIB]; /* the backing file's name is in here, as QEMU writes it */
    uint64_t incompatible = 0;
    int64_t file_size = image_file_size(file);
    *h = (struct qcow2_header){ 0 };
    ssize_t n = pread(file->fd, head, sizeof(head), 0);
    if (n < 0 || file_size < 0) {
        log_error("can't read the disk %s: %s", path, strerror(errno));
        return false;
    }
    const char *wrong = parse(h, head, (uint64_t)n, &incompatible);
    if (!wrong && !features_known(h, path, incompatible, read_only))
        return false;
    if (!wrong)
        wrong = check(h, (uint64_t)file_size);
    if (wrong)
        log_error("the disk %s is a broken qcow2 image: it has %s", path, wrong);
    return !wrong;
}
