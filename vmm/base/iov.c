// SPDX-License-Identifier: MIT
#include "vmm/base/iov.h"

#include <stdint.h>
#include <string.h>

#include "vmm/base/util.h"

size_t iov_size(const struct iovec *iov, unsigned n)
{
    size_t sum = 0;
    for (unsigned i = 0; i < n; i++) {
        if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
            return SIZE_MAX;
    }
    return sum;
}

size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(iov[i].iov_len - offset, len - done);
        memcpy((char *)buf + done, (char *)iov[i].iov_base + offset, part);
        done += part;
        offset = 0;
    }
    return done;
}

size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len)
{
    size_t done = 0;
    for (unsigned i = 0; i < n && done < len; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        size_t part = MIN(iov[i].iov_len - offset, len - done);
        memcpy((char *)iov[i].iov_base + offset, (const char *)buf + done, part);
        done += part;
        offset = 0;
    }
    return done;
}

int iov_slice(const struct iovec *iov, unsigned n, size_t offset, size_t len, struct iovec *out,
              unsigned max)
{
    unsigned used = 0;
    for (unsigned i = 0; i < n && len > 0; i++) {
        if (offset >= iov[i].iov_len) {
            offset -= iov[i].iov_len;
            continue;
        }
        if (used == max)
            return -1;
        size_t part = MIN(iov[i].iov_len - offset, len);
        out[used++] = (struct iovec){ (char *)iov[i].iov_base + offset, part };
        len -= part;
        offset = 0;
    }
    return len == 0 ? (int)used : -1;
}
