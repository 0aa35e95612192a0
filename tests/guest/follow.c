// SPDX-License-Identifier: MIT
/*
 * follow: runs in a guest, without any library. A compositor that does nothing but follow: on each
 * monitor that is plugged in, it shows a checkerboard of single pixels in the monitor's preferred mode,
 * and says which; when the kernel says that something has changed, it looks again.
 *
 *     follow: 1: 1280x800 339x212 mm
 *     follow: 2: none
 */
#include <drm.h>
#include <drm_fourcc.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_MONITORS 16
#define MAX_MODES 128
#define UEVENTS 1 /* the kernel's own multicast group */

static const uint32_t colours[2] = { 0x336699, 0xcc9933 };

struct monitor {
    uint32_t connector, crtc;
    struct drm_mode_modeinfo mode; /* hdisplay 0: none */
    uint32_t width_mm, height_mm;
    uint32_t fb, handle; /* of what it shows; 0: nothing */
};

struct follow {
    int fd;
    unsigned n;
    struct monitor monitor[MAX_MONITORS];
};

static void fail(const char *what)
{
    printf("follow: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void find_monitors(struct follow *follow)
{
    uint32_t connectors[MAX_MONITORS], crtcs[MAX_MONITORS];
    struct drm_mode_card_res res = {
        .connector_id_ptr = (uintptr_t)connectors,
        .count_connectors = MAX_MONITORS,
        .crtc_id_ptr = (uintptr_t)crtcs,
        .count_crtcs = MAX_MONITORS,
    };
    if (ioctl(follow->fd, DRM_IOCTL_MODE_GETRESOURCES, &res) < 0)
        fail("resources");
    if (res.count_connectors != res.count_crtcs || res.count_crtcs > MAX_MONITORS) {
        printf("follow: %u connectors and %u CRTCs\n", res.count_connectors, res.count_crtcs);
        exit(1);
    }
    follow->n = res.count_connectors;
    for (unsigned i = 0; i < follow->n; i++) {
        follow->monitor[i].connector = connectors[i];
        follow->monitor[i].crtc = crtcs[i];
    }
    printf("follow: %u connectors\n", follow->n);
}

/* The preferred mode; hdisplay 0 where nothing is plugged in. */
static struct drm_mode_modeinfo probe(const struct follow *follow, struct monitor *monitor)
{
    static struct drm_mode_modeinfo modes[MAX_MODES];
    uint32_t encoders[MAX_MONITORS];
    struct drm_mode_get_connector c = { .connector_id = monitor->connector };

    /* Once without room makes the kernel look at the connector, once with room gives its modes. */
    if (ioctl(follow->fd, DRM_IOCTL_MODE_GETCONNECTOR, &c) < 0)
        fail("connector");
    c = (struct drm_mode_get_connector){
        .connector_id = monitor->connector,
        .modes_ptr = (uintptr_t)modes,
        .count_modes = MAX_MODES,
        .encoders_ptr = (uintptr_t)encoders,
        .count_encoders = MAX_MONITORS,
    };
    if (ioctl(follow->fd, DRM_IOCTL_MODE_GETCONNECTOR, &c) < 0)
        fail("connector");
    if (c.connection != 1 || c.count_modes == 0)
        return (struct drm_mode_modeinfo){ 0 };
    monitor->width_mm = c.mm_width;
    monitor->height_mm = c.mm_height;
    for (uint32_t i = 0; i < c.count_modes && i < MAX_MODES; i++) {
        if (modes[i].type & DRM_MODE_TYPE_PREFERRED)
            return modes[i];
    }
    return modes[0];
}

static void drop_picture(const struct follow *follow, struct monitor *monitor)
{
    struct drm_mode_destroy_dumb dumb = { .handle = monitor->handle };
    if (monitor->fb)
        ioctl(follow->fd, DRM_IOCTL_MODE_RMFB, &monitor->fb);
    if (monitor->handle)
        ioctl(follow->fd, DRM_IOCTL_MODE_DESTROY_DUMB, &dumb);
    monitor->fb = monitor->handle = 0;
}

static void make_picture(const struct follow *follow, struct monitor *monitor)
{
    uint32_t width = monitor->mode.hdisplay, height = monitor->mode.vdisplay;
    struct drm_mode_create_dumb dumb = { .width = width, .height = height, .bpp = 32 };
    if (ioctl(follow->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) < 0)
        fail("dumb buffer");
    struct drm_mode_fb_cmd2 fb = {
        .width = width,
        .height = height,
        .pixel_format = DRM_FORMAT_XRGB8888,
        .handles = { dumb.handle },
        .pitches = { dumb.pitch },
    };
    struct drm_mode_map_dumb map = { .handle = dumb.handle };
    if (ioctl(follow->fd, DRM_IOCTL_MODE_ADDFB2, &fb) < 0 ||
        ioctl(follow->fd, DRM_IOCTL_MODE_MAP_DUMB, &map) < 0)
        fail("framebuffer");
    uint32_t *pixels =
        mmap(NULL, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, follow->fd, (off_t)map.offset);
    if (pixels == MAP_FAILED)
        fail("mapping");
    for (uint32_t y = 0; y < height; y++) {
        for (uint32_t x = 0; x < width; x++)
            pixels[y * (dumb.pitch / 4) + x] = colours[(x + y) % 2];
    }
    munmap(pixels, dumb.size);
    monitor->fb = fb.fb_id;
    monitor->handle = dumb.handle;
}

static void show(const struct follow *follow, struct monitor *monitor)
{
    struct drm_mode_crtc crtc = {
        .crtc_id = monitor->crtc,
        .fb_id = monitor->fb,
        .mode = monitor->mode,
        .mode_valid = monitor->fb != 0,
        .set_connectors_ptr = (uintptr_t)&monitor->connector,
        .count_connectors = monitor->fb != 0,
    };
    if (ioctl(follow->fd, DRM_IOCTL_MODE_SETCRTC, &crtc) < 0)
        fail("mode set");
    struct drm_mode_fb_dirty_cmd dirty = { .fb_id = monitor->fb };
    if (monitor->fb && ioctl(follow->fd, DRM_IOCTL_MODE_DIRTYFB, &dirty) < 0)
        fail("flush");
}

static void look(struct follow *follow, unsigned number)
{
    struct monitor *monitor = &follow->monitor[number];
    struct monitor before = *monitor;
    monitor->mode = probe(follow, monitor);
    bool plugged = monitor->mode.hdisplay > 0;
    if (monitor->mode.hdisplay == before.mode.hdisplay &&
        monitor->mode.vdisplay == before.mode.vdisplay && monitor->width_mm == before.width_mm &&
        monitor->height_mm == before.height_mm)
        return;
    monitor->fb = monitor->handle = 0;
    if (plugged)
        make_picture(follow, monitor);
    show(follow, monitor);
    drop_picture(follow, &before);
    if (plugged)
        printf("follow: %u: %ux%u %ux%u mm\n", number + 1, monitor->mode.hdisplay,
               monitor->mode.vdisplay, monitor->width_mm, monitor->height_mm);
    else
        printf("follow: %u: none\n", number + 1);
}

int main(void)
{
    struct follow follow = { .fd = open("/dev/dri/card0", O_RDWR | O_CLOEXEC) };
    struct sockaddr_nl addr = { .nl_family = AF_NETLINK, .nl_groups = UEVENTS };
    int uevents = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
    char event[4096];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (follow.fd < 0)
        fail("/dev/dri/card0");
    if (uevents < 0 || bind(uevents, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        fail("kernel events");
    find_monitors(&follow);
    do {
        for (unsigned i = 0; i < follow.n; i++)
            look(&follow, i);
        /* Whatever it is about: looking costs nothing. */
    } while (recv(uevents, event, sizeof(event), 0) > 0 || errno == EINTR || errno == ENOBUFS);
    fail("kernel events");
}
