// SPDX-License-Identifier: MIT
/*
 * DRM syncobjs as this machine's kernel would have them, under libdrm's names. A handle is an index, the
 * same for every open device, and a syncobj is known by the inode of the memfd that it was exported as.
 * An eventfd is a sync_file; other files are none.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xf86drm.h>

#define LOG_MODULE "drm"
#include "tests/wl/fence.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"

#define SYNCOBJS 4096
#define POINTS 64
#define WATCHES 1

struct point {
    uint64_t point;
    int fence; /* -1: signalled */
};

struct syncobj {
    unsigned refs; /* handles */
    ino_t inode;   /* of what it was exported as; 0: never */
    uint64_t value, last;
    unsigned n_points;
    struct point point[POINTS]; /* not signalled yet, in order */
    int binary;                 /* the fence of point 0; -1: none */
    unsigned n_watches;
    struct point watch[WATCHES]; /* fence: an eventfd of ours */
};

static struct syncobj objs[SYNCOBJS]; /* the first is never used */
static unsigned failures;
static int compositor_fd = -1; /* who imports syncobjs; nothing fails there */
static struct syncobj *find(uint32_t handle)
{
    BUG_ON(handle == 0 || handle >= SYNCOBJS || objs[handle].refs == 0);
    return &objs[handle];
}

static bool is_signalled(int fence)
{
    struct pollfd pfd = { .fd = fence, .events = POLLIN };
    return fence < 0 || poll(&pfd, 1, 0) > 0;
}

/* A point is signalled once those before it are. */
static void update(struct syncobj *obj)
{
    while (obj->n_points > 0 && is_signalled(obj->point[0].fence)) {
        obj->value = obj->point[0].point;
        fd_close_all(&obj->point[0].fence, 1);
        memmove(&obj->point[0], &obj->point[1], --obj->n_points * sizeof(obj->point[0]));
    }
    for (unsigned i = 0; i < obj->n_watches;) {
        if (obj->watch[i].point > obj->value) {
            i++;
            continue;
        }
        fd_event_signal(obj->watch[i].fence);
        close(obj->watch[i].fence);
        obj->watch[i] = obj->watch[--obj->n_watches];
    }
}

static void add_point(struct syncobj *obj, uint64_t point, int fence)
{
    BUG_ON(point <= obj->last); /* the kernel takes it, and makes a mess of the order */
    BUG_ON(obj->n_points == POINTS);
    obj->last = point;
    obj->point[obj->n_points++] = (struct point){ point, fence };
    update(obj);
}

int drmGetCap(int fd, uint64_t capability, uint64_t *value)
{
    *value = capability == DRM_CAP_SYNCOBJ_TIMELINE && !(failures & FENCE_FAIL_NO_TIMELINES);
    return 0;
}

static int fails(unsigned failure, int err)
{
    errno = err;
    return failures & failure ? -1 : 0;
}

int drmSyncobjCreate(int fd, uint32_t flags, uint32_t *handle)
{
    if (fails(FENCE_FAIL_CREATE, ENOMEM))
        return -1;
    for (*handle = 1; *handle < SYNCOBJS; ++*handle) {
        if (objs[*handle].refs > 0)
            continue;
        objs[*handle] = (struct syncobj){ .refs = 1, .binary = -1 };
        return 0;
    }
    BUG_ON(true);
}

int drmSyncobjDestroy(int fd, uint32_t handle)
{
    struct syncobj *obj = find(handle);
    if (--obj->refs > 0)
        return 0;
    fd_close_all(&obj->binary, 1);
    for (unsigned i = 0; i < obj->n_points; i++)
        fd_close_all(&obj->point[i].fence, 1);
    for (unsigned i = 0; i < obj->n_watches; i++)
        close(obj->watch[i].fence);
    return 0;
}

int drmSyncobjHandleToFD(int fd, uint32_t handle, int *obj_fd)
{
    struct stat st;
    *obj_fd = memfd_create("syncobj", MFD_CLOEXEC);
    int err = fstat(*obj_fd, &st);
    BUG_ON(err < 0);
    find(handle)->inode = st.st_ino;
    return 0;
}

int drmSyncobjFDToHandle(int fd, int obj_fd, uint32_t *handle)
{
    struct stat st;
    int err = fstat(obj_fd, &st);
    BUG_ON(err < 0);
    compositor_fd = fd;
    for (*handle = 1; *handle < SYNCOBJS; ++*handle) {
        if (objs[*handle].refs == 0 || objs[*handle].inode != st.st_ino)
            continue;
        objs[*handle].refs++;
        return 0;
    }
    return fails(UINT32_MAX, EINVAL);
}

int drmSyncobjImportSyncFile(int fd, uint32_t handle, int sync_file_fd)
{
    char link[32], name[64] = "";
    snprintf(link, sizeof(link), "/proc/self/fd/%d", sync_file_fd);
    if (readlink(link, name, sizeof(name) - 1) < 0 || strcmp(name, "anon_inode:[eventfd]") != 0 ||
        failures & FENCE_FAIL_POINTS) {
        errno = EINVAL;
        return -1;
    }
    struct syncobj *obj = find(handle);
    fd_close_all(&obj->binary, 1);
    obj->binary = dup(sync_file_fd);
    return 0;
}

int drmSyncobjTransfer(int fd, uint32_t dst_handle, uint64_t dst_point, uint32_t src_handle,
                       uint64_t src_point, uint32_t flags)
{
    const struct syncobj *src = find(src_handle);
    BUG_ON(src_point != 0 || src->binary < 0);
    if (fails(FENCE_FAIL_POINTS, ENOMEM))
        return -1;
    add_point(find(dst_handle), dst_point, dup(src->binary));
    return 0;
}

int drmSyncobjTimelineSignal(int fd, const uint32_t *handles, uint64_t *points,
                             uint32_t handle_count)
{
    if (fd != compositor_fd && fails(FENCE_FAIL_POINTS, ENOMEM))
        return -1;
    for (uint32_t i = 0; i < handle_count; i++)
        add_point(find(handles[i]), points[i], -1);
    return 0;
}

int drmSyncobjQuery(int fd, uint32_t *handles, uint64_t *points, uint32_t handle_count)
{
    for (uint32_t i = 0; i < handle_count; i++) {
        update(find(handles[i]));
        points[i] = find(handles[i])->value;
    }
    return 0;
}

int drmSyncobjEventfd(int fd, uint32_t handle, uint64_t point, int ev_fd, uint32_t flags)
{
    if (fails(FENCE_FAIL_OLD_KERNEL, EINVAL) || fails(FENCE_FAIL_EVENTFD, ENOMEM))
        return -1;
    if (handle == 0) {
        errno = ENOENT;
        return -1;
    }
    struct syncobj *obj = find(handle);
    BUG_ON(obj->n_watches == WATCHES); /* one at a time is enough */
    obj->watch[obj->n_watches++] = (struct point){ point, dup(ev_fd) };
    update(obj);
    return 0;
}

bool fences_fail(unsigned what)
{
    failures = what;
    return true;
}

unsigned fences_live(void)
{
    unsigned n = 0;
    for (unsigned i = 1; i < SYNCOBJS; i++)
        n += objs[i].refs > 0;
    return n;
}
