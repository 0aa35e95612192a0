// SPDX-License-Identifier: MIT
#include "gpu/udmabuf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/udmabuf.h>
#include <stdlib.h>
#include <sys/ioctl.h>

#include "vmm/base/cleanup.h"

int udmabuf_open(void)
{
    int fd = open("/dev/udmabuf", O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int udmabuf_create(int device, const struct udmabuf_range *ranges, unsigned n)
{
    autofree struct udmabuf_create_list *list = NULL;

    if (n == 0)
        return -EINVAL;
    list = calloc(1, sizeof(*list) + n * sizeof(list->list[0]));
    if (!list)
        return -ENOMEM;
    list->flags = UDMABUF_FLAGS_CLOEXEC;
    list->count = n;
    for (unsigned i = 0; i < n; i++)
        list->list[i] = (struct udmabuf_create_item){
            .memfd = (uint32_t)ranges[i].fd,
            .offset = ranges[i].offset,
            .size = ranges[i].size,
        };
    int fd = ioctl(device, UDMABUF_CREATE_LIST, list);
    return fd < 0 ? -errno : fd;
}
