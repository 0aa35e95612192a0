/* SPDX-License-Identifier: MIT */
/*
 * Asynchronous I/O on files, for one disk: by io_uring, or by a few threads where a kernel or a
 * sandbox has none for us.
 *
 * Threads: everything here is called on one loop's thread, or while that loop does not run; done is
 * called there too. What is submitted during a turn of the loop reaches the kernel at once at its end.
 * Small writes that are not O_DIRECT only copy to the page cache, and are done before aio_submit() returns
 * as long as that is quick: a kernel that can't do them without waiting would hand each to a thread,
 * which costs more. The copies of large requests are made beside each other.
 */
#ifndef VITRINE_BLOCK_AIO_H
#define VITRINE_BLOCK_AIO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

struct aio;
struct loop;

enum aio_kind { AIO_ANY, AIO_URING, AIO_THREADS };

enum aio_op {
    AIO_READ,
    AIO_WRITE,
    AIO_SYNC,     /* fdatasync() */
    AIO_ALLOCATE, /* fallocate() */
};

/* Embedded by the caller, who keeps it, the list and the buffers until done. */
struct aio_req {
    enum aio_op op;
    int fd;
    bool direct; /* fd was opened with O_DIRECT */
    int mode;    /* AIO_ALLOCATE */
    uint64_t offset;
    uint64_t length;         /* bytes; AIO_ALLOCATE */
    const struct iovec *iov; /* AIO_READ, AIO_WRITE; up to 1024 */
    unsigned n_iov;
    /* result: bytes, which may be fewer than asked for, or a negative errno. May be called from inside
     * aio_submit(), and may submit. */
    void (*done)(struct aio_req *req, int64_t result);

    struct aio_req *next; /* private, like result */
    int64_t result;
};

/* AIO_ANY takes threads where io_uring can't be had, and says why in the debug log. NULL with a log
 * line where what is asked for can't be had. */
struct aio *aio_create(struct loop *loop, enum aio_kind kind);
/* Nothing is in flight. Accepts NULL. */
void aio_destroy(struct aio *aio);
/* "io_uring" or "threads". */
const char *aio_name(const struct aio *aio);

void aio_submit(struct aio *aio, struct aio_req *req);
/* Waits until nothing is in flight, what done callbacks submitted included. */
void aio_drain(struct aio *aio);

#endif
