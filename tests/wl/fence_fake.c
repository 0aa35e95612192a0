// SPDX-License-Identifier: MIT
/* Fences of eventfds, and a folder in which a device seems to be. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOG_MODULE "fence"
#include "tests/wl/fence.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

static char root[] = "/tmp/vitrine-drm-XXXXXX";
static char node[64];
static const char *const folders[] = { "dev",
                                       "dev/dri",
                                       "sys",
                                       "sys/dev",
                                       "sys/dev/char",
                                       "sys/dev/char/226:128",
                                       "sys/dev/char/226:128/device",
                                       "sys/dev/char/226:128/device/drm" };
static const char *const files[] = { "dev/dri/renderD128",
                                     "sys/dev/char/226:128/device/drm/renderD128" };

bool fences_init(void)
{
    char path[100];
    if (!mkdtemp(root))
        return false;
    for (unsigned i = 0; i < ARRAY_LEN(folders); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        mkdir(path, 0700);
    }
    for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, files[i]);
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
            return false;
        close(fd);
    }
    snprintf(node, sizeof(node), "%s/dev/dri/renderD128", root);
    return true;
}

void fences_finish(void)
{
    char path[100];
    for (unsigned i = 0; i < ARRAY_LEN(files); i++) {
        snprintf(path, sizeof(path), "%s/%s", root, files[i]);
        unlink(path);
    }
    for (unsigned i = ARRAY_LEN(folders); i-- > 0;) {
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        rmdir(path);
    }
    rmdir(root);
}

const char *fences_root(void)
{
    return root;
}

dev_t fences_device(void)
{
    return makedev(226, 128);
}

const char *fences_node(void)
{
    return node;
}

void fence_init(struct fence *fence)
{
    fence->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    BUG_ON(fence->fd < 0);
}

void fence_signal(struct fence *fence)
{
    fd_event_signal(fence->fd);
}

int fence_dup(const struct fence *fence)
{
    return dup(fence->fd);
}

void fence_finish(struct fence *fence)
{
    close(fence->fd);
}

bool fences_dmabufs(void)
{
    return false;
}

int fences_buffer(uint64_t size)
{
    return fd_memfd_sealed("test", size);
}
