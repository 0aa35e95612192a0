// SPDX-License-Identifier: MIT
#include "tests/device/udmabuf_standin.h"

#include <linux/dma-buf.h>
#include <linux/fcntl.h>
#include <linux/udmabuf.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DEVICE "/dev/udmabuf"
/* In newer headers than Debian 12's. */
#ifndef DMA_BUF_IOCTL_EXPORT_SYNC_FILE
struct dma_buf_export_sync_file {
    __u32 flags;
    __s32 fd;
};
#define DMA_BUF_IOCTL_EXPORT_SYNC_FILE _IOWR(DMA_BUF_BASE, 2, struct dma_buf_export_sync_file)
#endif

#define FOR_ALL __attribute__((visibility("default")))
FOR_ALL int open64(const char *path, int flags, ...);
FOR_ALL int ioctl(int fd, unsigned long request, ...);

static atomic_int device = -1;

void udmabuf_standin(void)
{
    if (device < 0 && access(DEVICE, F_OK) < 0)
        device = eventfd(0, EFD_CLOEXEC);
}

int open64(const char *path, int flags, ...)
{
    va_list args;

    va_start(args, flags);
    int mode = va_arg(args, int); /* whatever is there, if there is none */
    va_end(args);
    if (device >= 0 && strcmp(path, DEVICE) == 0)
        return dup(device);
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int ioctl(int fd, unsigned long request, ...)
{
    va_list args;

    va_start(args, request);
    void *arg = va_arg(args, void *);
    va_end(args);
    if (device >= 0 && request == UDMABUF_CREATE)
        return (int)syscall(SYS_fcntl, ((struct udmabuf_create *)arg)->memfd, F_DUPFD_CLOEXEC, 0);
    if (device >= 0 && request == DMA_BUF_IOCTL_SYNC)
        return 0;
    if (device >= 0 && request == DMA_BUF_IOCTL_EXPORT_SYNC_FILE) {
        struct dma_buf_export_sync_file *file = arg;
        file->fd = eventfd(1, EFD_CLOEXEC);
        return file->fd < 0 ? -1 : 0;
    }
    return (int)syscall(SYS_ioctl, fd, request, arg);
}
