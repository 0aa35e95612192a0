/* SPDX-License-Identifier: MIT */
/* File descriptors: whole reads and writes, eventfds, memfds, and passing them over a socket. */
#ifndef VITRINE_BASE_FD_H
#define VITRINE_BASE_FD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The most fds that one message may carry. */
#define FD_PASS_MAX 16

/* 0, or a negative errno. */
int fd_set_nonblock(int fd);

/* Reads or writes all of len bytes at offset, over short transfers and EINTR. Returns 0, -EIO where
 * the file ends early, or a negative errno. */
int fd_pread_full(int fd, void *buf, size_t len, uint64_t offset);
int fd_pwrite_full(int fd, const void *buf, size_t len, uint64_t offset);

/* Writes all of len bytes to a blocking fd. 0 or a negative errno. */
int fd_write_full(int fd, const void *buf, size_t len);

/* Adds 1 to an eventfd: wakes whoever polls it. Never blocks. */
void fd_event_signal(int fd);
/* Takes an eventfd's count; false where it was 0. The fd must be non-blocking. */
bool fd_event_take(int fd);

/* A memfd of size bytes (page-aligned by the caller), sealed against shrinking and growing, so that
 * no mapping of it can ever fault and /dev/udmabuf accepts it. Returns the fd or a negative errno. */
int fd_memfd_sealed(const char *name, uint64_t size);
/* The same of huge pages of 2 MiB, which size is a multiple of; mapping it fails with ENOMEM where the host
 * has set too few aside. */
int fd_memfd_sealed_huge(const char *name, uint64_t size);

/* Whether whoever maps the file can rely on it for good: shared memory that can be written to and does not
 * shrink, of ordinary pages, which are there when they are touched. */
bool fd_is_firm_memory(int fd);
/* Whether it is a dmabuf, whose size never changes. */
bool fd_is_dmabuf(int fd);

/* Sends one message with up to FD_PASS_MAX fds (which stay the caller's). Returns the bytes sent or
 * a negative errno (-EAGAIN where a non-blocking socket is full). Never raises SIGPIPE. */
ssize_t fd_send(int sock, const void *buf, size_t len, const int *fds, unsigned n_fds);

/* Receives up to len bytes and up to *n_fds fds, close-on-exec, which become the caller's; *n_fds
 * says how many came. Returns the bytes, 0 at the end of the stream, or a negative errno; -EPROTO
 * (with every fd closed) where a datagram or its fds did not fit. */
ssize_t fd_recv(int sock, void *buf, size_t len, int *fds, unsigned *n_fds);

/* Raises the soft limit of open files to what a guest's pictures may take: a resource holds one or two in
 * the GPU process, a buffer up to four there and as many in the machine. Goes as far as the hard limit. */
void fd_raise_limit(void);

/* Closes n fds and leaves -1 in their places. */
void fd_close_all(int *fds, unsigned n);

#endif
