// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/block.h"
#include "vmm/block/file.h"
#include "vmm/block/lock.h"

/* What every device can be written with past the page cache, where the kernel doesn't say. */
#define SAFE_ALIGN 4096

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

static bool examine(struct image_file *file, const char *path)
{
    struct stat st;
    file->sector = BLOCK_SECTOR;
    if (fstat(file->fd, &st) < 0) {
        log_error("can't look at the disk %s: %s", path, strerror(errno));
        return false;
    }
    file->dev = st.st_dev;
    file->ino = st.st_ino;
    if (S_ISREG(st.st_mode))
        return true;
    if (!S_ISBLK(st.st_mode)) {
        log_error("the disk %s is neither a regular file nor a block device", path);
        return false;
    }
    int sector = 0;
    if (ioctl(file->fd, BLKSSZGET, &sector) < 0) {
        log_error("can't measure the disk %s: %s", path, strerror(errno));
        return false;
    }
    file->sector = MIN(MAX((uint32_t)sector, BLOCK_SECTOR), 4096u);
    return true;
}

/* The same open file's inode by another open file, so that a path that changed meanwhile is no matter. */
static bool open_direct(struct image_file *file, const char *path, bool read_only)
{
    char link[40];
    snprintf(link, sizeof(link), "/proc/self/fd/%d", file->fd);
    file->direct_fd = open(link, (read_only ? O_RDONLY : O_RDWR) | O_DIRECT | O_CLOEXEC);
    if (file->direct_fd < 0) {
        log_error("can't go past the page cache on the disk %s: %s; leave out 'direct'", path,
                  strerror(errno));
        return false;
    }
    file->direct_align = SAFE_ALIGN;
#ifdef STATX_DIOALIGN
    struct statx stx;
    if (statx(file->direct_fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &stx) == 0 &&
        (stx.stx_mask & STATX_DIOALIGN) && stx.stx_dio_offset_align >= BLOCK_SECTOR &&
        stx.stx_dio_offset_align <= SAFE_ALIGN && stx.stx_dio_mem_align <= SAFE_ALIGN)
        file->direct_align = MAX(stx.stx_dio_offset_align, stx.stx_dio_mem_align);
#endif
    return true;
}

bool image_file_open(struct image_file *file, const char *path, bool read_only, bool direct)
{
    *file = (struct image_file){ .fd = open_image(path, read_only), .direct_fd = -1 };
    if (file->fd < 0)
        return false;
    if (examine(file, path) && image_lock(file->fd, path, read_only) &&
        (!direct || open_direct(file, path, read_only)))
        return true;
    image_file_close(file);
    return false;
}

void image_file_close(struct image_file *file)
{
    if (file->direct_fd >= 0)
        close(file->direct_fd);
    if (file->fd >= 0)
        close(file->fd);
    file->fd = file->direct_fd = -1;
}

int64_t image_file_size(const struct image_file *file)
{
    off_t end = lseek(file->fd, 0, SEEK_END);
    return end < 0 ? -errno : end;
}

/* What is misaligned goes through the page cache, which the kernel keeps in line with the rest. */
void image_file_aim(const struct image_file *file, struct aio_req *req)
{
    req->fd = file->fd;
    req->direct = false;
    if (file->direct_fd < 0)
        return;
    uint64_t all = req->offset;
    for (unsigned i = 0; i < req->n_iov; i++)
        all |= (uintptr_t)req->iov[i].iov_base | req->iov[i].iov_len;
    if (all & (file->direct_align - 1))
        return;
    req->fd = file->direct_fd;
    req->direct = true;
}
