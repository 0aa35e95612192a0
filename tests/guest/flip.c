// SPDX-License-Identifier: MIT
/*
 * flip COUNT ROUNDS: runs in a guest, without any library. Flips COUNT times between two dumb buffers
 * of the first connected screen, as a double-buffered program does, and says on stdout how long the
 * flips took; up to ROUNDS times, until there is a round in which no flip took the driver's 50 ms.
 * Then it draws a last picture of four coloured quarters and holds it until it is killed.
 */
#include <drm.h>
#include <drm_fourcc.h>
#include <drm_mode.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNECTORS 16
#define MAX_MODES 128
#define DRIVER_TIMEOUT_MS 50

struct buffer {
    uint32_t fb;
    uint32_t stride; /* bytes */
    uint32_t *pixels;
};

struct screen {
    int fd;
    uint32_t crtc, connector;
    struct drm_mode_modeinfo mode;
};

static void fail(const char *what)
{
    printf("flip: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

/* The first connected connector, its preferred mode, and the first CRTC. */
static void screen_open(struct screen *s)
{
    static struct drm_mode_modeinfo modes[MAX_MODES];
    uint32_t connectors[MAX_CONNECTORS], crtcs[MAX_CONNECTORS], encoders[MAX_CONNECTORS];

    s->fd = open("/dev/dri/card0", O_RDWR | O_CLOEXEC);
    if (s->fd < 0)
        fail("/dev/dri/card0");
    struct drm_mode_card_res res = {
        .connector_id_ptr = (uintptr_t)connectors,
        .count_connectors = MAX_CONNECTORS,
        .crtc_id_ptr = (uintptr_t)crtcs,
        .count_crtcs = MAX_CONNECTORS,
    };
    if (ioctl(s->fd, DRM_IOCTL_MODE_GETRESOURCES, &res) < 0 || res.count_crtcs == 0)
        fail("resources");
    s->crtc = crtcs[0];
    for (uint32_t i = 0; i < res.count_connectors; i++) {
        struct drm_mode_get_connector c = { .connector_id = connectors[i] };
        /* Once without room makes the kernel look at the connector, once with room gives its modes. */
        if (ioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &c) < 0)
            fail("connector");
        c = (struct drm_mode_get_connector){
            .connector_id = connectors[i],
            .modes_ptr = (uintptr_t)modes,
            .count_modes = MAX_MODES,
            .encoders_ptr = (uintptr_t)encoders,
            .count_encoders = MAX_CONNECTORS,
        };
        if (ioctl(s->fd, DRM_IOCTL_MODE_GETCONNECTOR, &c) < 0)
            fail("connector");
        if (c.connection != 1 || c.count_modes == 0)
            continue;
        s->connector = connectors[i];
        s->mode = modes[0];
        for (uint32_t m = 0; m < c.count_modes && m < MAX_MODES; m++) {
            if (modes[m].type & DRM_MODE_TYPE_PREFERRED) {
                s->mode = modes[m];
                break;
            }
        }
        return;
    }
    errno = ENODEV;
    fail("no connected screen");
}

static void buffer_create(const struct screen *s, struct buffer *b)
{
    struct drm_mode_create_dumb dumb = { .width = s->mode.hdisplay,
                                         .height = s->mode.vdisplay,
                                         .bpp = 32 };
    if (ioctl(s->fd, DRM_IOCTL_MODE_CREATE_DUMB, &dumb) < 0)
        fail("dumb buffer");
    struct drm_mode_fb_cmd2 fb = {
        .width = dumb.width,
        .height = dumb.height,
        .pixel_format = DRM_FORMAT_XRGB8888,
        .handles = { dumb.handle },
        .pitches = { dumb.pitch },
    };
    struct drm_mode_map_dumb map = { .handle = dumb.handle };
    if (ioctl(s->fd, DRM_IOCTL_MODE_ADDFB2, &fb) < 0 ||
        ioctl(s->fd, DRM_IOCTL_MODE_MAP_DUMB, &map) < 0)
        fail("framebuffer");
    b->fb = fb.fb_id;
    b->stride = dumb.pitch;
    b->pixels = mmap(NULL, dumb.size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, (off_t)map.offset);
    if (b->pixels == MAP_FAILED)
        fail("mapping");
}

static void fill(const struct screen *s, const struct buffer *b, uint32_t y0, uint32_t y1,
                 uint32_t left, uint32_t right)
{
    for (uint32_t y = y0; y < y1; y++) {
        uint32_t *row = b->pixels + (size_t)y * b->stride / 4;
        for (uint32_t x = 0; x < s->mode.hdisplay; x++)
            row[x] = x < s->mode.hdisplay / 2u ? left : right;
    }
}

/* Flips to the buffer and waits until the kernel says that it is on screen. Milliseconds. */
static double flip(const struct screen *s, const struct buffer *b)
{
    double start = now_ms();
    struct drm_mode_crtc_page_flip request = { .crtc_id = s->crtc,
                                               .fb_id = b->fb,
                                               .flags = DRM_MODE_PAGE_FLIP_EVENT };
    char event[256];
    if (ioctl(s->fd, DRM_IOCTL_MODE_PAGE_FLIP, &request) < 0)
        fail("flip");
    if (read(s->fd, event, sizeof(event)) <= 0)
        fail("flip event");
    return now_ms() - start;
}

/* Flips count times; *turn says which buffer is shown. Returns how many flips were late. */
static int flip_round(const struct screen *s, const struct buffer buffers[2], unsigned *turn,
                      int count)
{
    double sum = 0, slowest = 0;
    int late = 0;
    for (int i = 0; i < count; i++) {
        const struct buffer *b = &buffers[++*turn % 2];
        uint32_t y = (uint32_t)i % s->mode.vdisplay;
        fill(s, b, y, y + 1, 0xff0000, 0x00ff00);
        double ms = flip(s, b);
        sum += ms;
        slowest = ms > slowest ? ms : slowest;
        late += ms >= DRIVER_TIMEOUT_MS;
    }
    printf("flip: flips %d total_ms %.0f slowest_ms %.1f late %d\n", count, sum, slowest, late);
    return late;
}

int main(int argc, char **argv)
{
    struct screen screen;
    struct buffer buffers[2];
    int count = argc > 1 ? atoi(argv[1]) : 100;
    int rounds = argc > 2 ? atoi(argv[2]) : 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    screen_open(&screen);
    for (int i = 0; i < 2; i++) {
        buffer_create(&screen, &buffers[i]);
        fill(&screen, &buffers[i], 0, screen.mode.vdisplay, 0x202020, 0x404040);
    }
    struct drm_mode_crtc crtc = {
        .set_connectors_ptr = (uintptr_t)&screen.connector,
        .count_connectors = 1,
        .crtc_id = screen.crtc,
        .fb_id = buffers[0].fb,
        .mode_valid = 1,
        .mode = screen.mode,
    };
    if (ioctl(screen.fd, DRM_IOCTL_MODE_SETCRTC, &crtc) < 0)
        fail("mode set");
    printf("flip: %ux%u\n", screen.mode.hdisplay, screen.mode.vdisplay);

    unsigned turn = 0;
    for (int round = 0; round < rounds; round++) {
        if (flip_round(&screen, buffers, &turn, count) == 0)
            break;
    }

    struct buffer *last = &buffers[++turn % 2];
    uint32_t half = screen.mode.vdisplay / 2u;
    fill(&screen, last, 0, half, 0xff0000, 0x00ff00);
    fill(&screen, last, half, screen.mode.vdisplay, 0x0000ff, 0xffff00);
    flip(&screen, last);
    printf("flip: holding\n");
    for (;;)
        pause();
}
