// SPDX-License-Identifier: MIT
/* A raw image, read and written where the request is submitted: the disk's own thread waits. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/iov.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/block.h"

struct raw {
    struct block_dev block;
    int fd;
};

/* The request in one call: the bytes that were transferred, or a negative errno. */
static ssize_t vectored(const struct raw *raw, const struct block_req *req)
{
    ssize_t n;
    do {
        n = req->op == BLOCK_WRITE ? pwritev(raw->fd, req->iov, (int)req->n_iov, (off_t)req->offset)
                                   : preadv(raw->fd, req->iov, (int)req->n_iov, (off_t)req->offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

/* Buffer by buffer, from where a vectored transfer ended early. */
static int rest(const struct raw *raw, const struct block_req *req, size_t done)
{
    uint64_t offset = req->offset + done;
    for (unsigned i = 0; i < req->n_iov; i++) {
        size_t skip = MIN(done, req->iov[i].iov_len);
        done -= skip;
        uint8_t *buf = (uint8_t *)req->iov[i].iov_base + skip;
        size_t len = req->iov[i].iov_len - skip;
        int err = req->op == BLOCK_WRITE ? fd_pwrite_full(raw->fd, buf, len, offset)
                                         : fd_pread_full(raw->fd, buf, len, offset);
        if (err < 0)
            return err;
        offset += len;
    }
    return 0;
}

static int transfer(const struct raw *raw, const struct block_req *req)
{
    ssize_t n = vectored(raw, req);
    if (n < 0)
        return (int)n;
    return (size_t)n == iov_size(req->iov, req->n_iov) ? 0 : rest(raw, req, (size_t)n);
}

static void raw_submit(struct block_dev *block, struct block_req *req)
{
    const struct raw *raw = container_of(block, struct raw, block);
    int err;
    if (req->op == BLOCK_FLUSH)
        err = fdatasync(raw->fd) < 0 ? -errno : 0;
    else
        err = transfer(raw, req);
    req->done(req, err);
}

static void raw_close(struct block_dev *block)
{
    struct raw *raw = container_of(block, struct raw, block);
    close(raw->fd);
    free(raw);
}

static const struct block_ops raw_ops = { .submit = raw_submit, .close = raw_close };

static int open_image(const char *path, bool read_only)
{
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd >= 0)
        return fd;
    int err = errno;
    bool forbidden = err == EACCES || err == EPERM || err == EROFS;
    bool only_reading = !read_only && forbidden && access(path, R_OK) == 0;
    log_error("can't open the disk %s for %s: %s%s", path,
              read_only ? "reading" : "reading and writing", strerror(err),
              only_reading ? " (',ro' behind its name gives it to the guest read-only)" : "");
    return -1;
}

/* Keeps two writers, or a writer and readers, off the same image, for as long as fd is open. A file
 * system that knows no locks is taken as it is. */
static bool lock_image(int fd, const char *path, bool read_only)
{
    struct flock lock = { .l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_OFD_SETLK, &lock) == 0 || (errno != EAGAIN && errno != EACCES))
        return true;
    log_error("the disk %s is in use by another program: end that, or give a copy", path);
    return false;
}

/* The size in bytes and the sector size; false, with a log line, for what is no disk. */
static bool measure(int fd, const char *path, uint64_t *size, uint32_t *block_size)
{
    struct stat st;
    *block_size = BLOCK_SECTOR;
    if (fstat(fd, &st) < 0) {
        log_error("can't look at the disk %s: %s", path, strerror(errno));
        return false;
    }
    if (S_ISREG(st.st_mode)) {
        *size = (uint64_t)st.st_size;
    } else if (S_ISBLK(st.st_mode)) {
        int sector = 0;
        if (ioctl(fd, BLKGETSIZE64, size) < 0 || ioctl(fd, BLKSSZGET, &sector) < 0) {
            log_error("can't measure the disk %s: %s", path, strerror(errno));
            return false;
        }
        *block_size = MIN(MAX((uint32_t)sector, BLOCK_SECTOR), 4096u);
    } else {
        log_error("the disk %s is neither a regular file nor a block device", path);
        return false;
    }
    if (*size == 0) {
        log_error("the disk %s is empty: 'truncate -s 8G FILE' makes a blank image", path);
        return false;
    }
    if (*size % BLOCK_SECTOR) {
        log_error("the disk %s has %llu bytes, which is no whole number of 512-byte sectors: "
                  "'truncate -s %%512 FILE' pads an image",
                  path, (unsigned long long)*size);
        return false;
    }
    return true;
}

struct block_dev *block_raw_open(const char *path, bool read_only)
{
    uint64_t size;
    uint32_t block_size;
    autoclose int fd = open_image(path, read_only);
    if (fd < 0 || !measure(fd, path, &size, &block_size) || !lock_image(fd, path, read_only))
        return NULL;
    struct raw *raw = calloc(1, sizeof(*raw));
    if (!raw) {
        log_error("no memory for the disk %s", path);
        return NULL;
    }
    *raw = (struct raw){ .block = { .ops = &raw_ops,
                                    .size = size,
                                    .block_size = block_size,
                                    .read_only = read_only },
                         .fd = steal_fd(&fd) };
    return &raw->block;
}
