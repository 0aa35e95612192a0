// SPDX-License-Identifier: MIT
/*
 * The kernel's own fences, on a machine where root has loaded vgem: a buffer of its own for each, whose
 * fence vgem attaches and signals when it is asked to (after 10 s it does by itself). And udmabufs.
 */
#include <drm.h>
#include <drm/vgem_drm.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/dma-buf.h>
#include <linux/udmabuf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#define LOG_MODULE "fence"
#include "tests/wl/fence.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

static int vgem = -1, udmabuf = -1;
static char node[32];
static dev_t device;

static bool is_vgem(int fd)
{
    drmVersionPtr version = drmGetVersion(fd);
    bool yes = version && strcmp(version->name, "vgem") == 0;
    drmFreeVersion(version);
    return yes;
}

static int open_vgem(void)
{
    for (unsigned i = 0; i < 8; i++) {
        char path[32];
        snprintf(path, sizeof(path), "/dev/dri/card%u", i);
        autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd >= 0 && is_vgem(fd))
            return steal_fd(&fd);
    }
    return -1;
}

static bool find_timelines(void)
{
    for (unsigned i = 128; i < 136; i++) {
        uint64_t timelines = 0;
        struct stat st;
        snprintf(node, sizeof(node), "/dev/dri/renderD%u", i);
        autoclose int fd = open(node, O_RDWR | O_CLOEXEC);
        if (fd < 0 || drmGetCap(fd, DRM_CAP_SYNCOBJ_TIMELINE, &timelines) != 0 || !timelines ||
            fstat(fd, &st) < 0)
            continue;
        device = st.st_rdev;
        return true;
    }
    return false;
}

bool fences_init(void)
{
    vgem = open_vgem();
    udmabuf = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    if (vgem < 0)
        printf("no fences can be had: vgem is not loaded\n");
    else if (udmabuf < 0)
        printf("no dmabufs can be had: /dev/udmabuf: %s\n", strerror(errno));
    else if (!find_timelines())
        printf("no device here has timelines\n");
    else
        return true;
    fences_finish();
    return false;
}

void fences_finish(void)
{
    fd_close_all(&vgem, 1);
    fd_close_all(&udmabuf, 1);
}

const char *fences_root(void)
{
    return NULL;
}

dev_t fences_device(void)
{
    return device;
}

const char *fences_node(void)
{
    return node;
}

void fence_init(struct fence *fence)
{
    struct drm_mode_create_dumb dumb = { .width = 64, .height = 1, .bpp = 32 };
    struct dma_buf_export_sync_file export = { .flags = DMA_BUF_SYNC_READ, .fd = -1 };
    int err = drmIoctl(vgem, DRM_IOCTL_MODE_CREATE_DUMB, &dumb);
    BUG_ON(err != 0);
    struct drm_vgem_fence_attach attach = { .handle = dumb.handle, .flags = VGEM_FENCE_WRITE };
    err = drmIoctl(vgem, DRM_IOCTL_VGEM_FENCE_ATTACH, &attach);
    BUG_ON(err != 0);
    autoclose int dmabuf = -1;
    err = drmPrimeHandleToFD(vgem, dumb.handle, DRM_CLOEXEC, &dmabuf);
    BUG_ON(err != 0);
    err = ioctl(dmabuf, DMA_BUF_IOCTL_EXPORT_SYNC_FILE, &export);
    BUG_ON(err != 0);
    *fence = (struct fence){ .fd = export.fd, .id = attach.out_fence, .handle = dumb.handle };
}

void fence_signal(struct fence *fence)
{
    struct drm_vgem_fence_signal signal = { .fence = fence->id };
    int err = drmIoctl(vgem, DRM_IOCTL_VGEM_FENCE_SIGNAL, &signal);
    BUG_ON(err != 0 && errno != ETIMEDOUT);
}

int fence_dup(const struct fence *fence)
{
    return dup(fence->fd);
}

void fence_finish(struct fence *fence)
{
    struct drm_mode_destroy_dumb dumb = { .handle = fence->handle };
    close(fence->fd);
    drmIoctl(vgem, DRM_IOCTL_MODE_DESTROY_DUMB, &dumb);
}

bool fences_dmabufs(void)
{
    return true;
}

int fences_buffer(uint64_t size)
{
    autoclose int fd = fd_memfd_sealed("test", size);
    struct udmabuf_create create = { .memfd = (uint32_t)fd,
                                     .flags = UDMABUF_FLAGS_CLOEXEC,
                                     .size = size };
    return ioctl(udmabuf, UDMABUF_CREATE, &create);
}

bool fences_fail(unsigned what)
{
    return false;
}

unsigned fences_live(void)
{
    return 0;
}
