// SPDX-License-Identifier: MIT
#include <errno.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define LOG_MODULE "disk"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/qcow2.h"

/* QEMU's deflate has no header. */
static bool unpack_zlib(uint8_t *out, uint32_t out_len, uint8_t *in, uint32_t in_len)
{
    z_stream z = { .next_in = in, .avail_in = in_len, .next_out = out, .avail_out = out_len };
    if (inflateInit2(&z, -12) != Z_OK)
        return false;
    int status = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    /* What is behind the stream in its last sector is of no interest. */
    return (status == Z_STREAM_END || status == Z_BUF_ERROR) && z.avail_out == 0;
}

static bool unpack_zstd(uint8_t *out, uint32_t out_len, const uint8_t *in, uint32_t in_len)
{
    ZSTD_outBuffer to = { out, out_len, 0 };
    ZSTD_inBuffer from = { in, in_len, 0 };
    ZSTD_DCtx *ctx = ZSTD_createDCtx();
    if (!ctx)
        return false;
    size_t left = 1;
    while (to.pos < to.size && from.pos < from.size && left > 0) {
        left = ZSTD_decompressStream(ctx, &to, &from);
        if (ZSTD_isError(left))
            break;
    }
    ZSTD_freeDCtx(ctx);
    return to.pos == to.size;
}

int qcow2_unpack(struct qcow2 *q, uint64_t entry)
{
    uint64_t at;
    uint32_t len, n = 0;
    if (q->unpacked_entry == entry)
        return 0;
    q->unpacked_entry = 0;
    qcow2_packed_at(q, entry, &at, &len);
    /* The file may end within the last sector. */
    while (n < len) {
        ssize_t got = pread(q->file.fd, q->packed + n, len - n, (off_t)(at + n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return -errno;
        if (got == 0)
            break;
        n += (uint32_t)got;
    }
    bool ok = q->h.compression == QCOW2_ZSTD ? unpack_zstd(q->unpacked, q->cluster, q->packed, n)
                                             : unpack_zlib(q->unpacked, q->cluster, q->packed, n);
    if (!ok) {
        static struct log_ratelimit limit;
        log_line_limited(&limit, LOG_WARN, LOG_MODULE,
                         "%s: what is compressed at byte %llu is broken", q->path,
                         (unsigned long long)at);
        return -EIO;
    }
    q->unpacked_entry = entry;
    return 0;
}
