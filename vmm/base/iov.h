/* SPDX-License-Identifier: MIT */
/* Scatter-gather lists: their length, and copies that start anywhere in them. */
#ifndef VITRINE_BASE_IOV_H
#define VITRINE_BASE_IOV_H

#include <stddef.h>
#include <sys/uio.h>

/* The sum of the lengths. */
size_t iov_size(const struct iovec *iov, unsigned n);

/* Copies up to len bytes, starting offset bytes into the list, out of it or into it. Returns how
 * many were copied: less than len only where the list ends. */
size_t iov_read(const struct iovec *iov, unsigned n, size_t offset, void *buf, size_t len);
size_t iov_write(const struct iovec *iov, unsigned n, size_t offset, const void *buf, size_t len);

/* Describes the len bytes that start at offset by at most max entries of out. Returns the entries
 * used, or -1 where the list is too short or max too small. */
int iov_slice(const struct iovec *iov, unsigned n, size_t offset, size_t len, struct iovec *out,
              unsigned max);

#endif
