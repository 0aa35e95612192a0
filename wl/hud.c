// SPDX-License-Identifier: MIT
#include "wl/hud.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <wayland-client.h>

#define LOG_MODULE "wayland"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"
#include "wl/banner.h"
#include "wl/connection.h"
#include "wl/latency.h"

#define UPDATE_NS 250000000ull
#define WIDTH 264u
#define HEIGHT 76u
#define MARGIN 12 /* from the window's corner */
#define GRAPH_TOP 36u
#define GRAPH_HEIGHT 32u
#define GRAPH_LINES 120u /* frames that the graph shows, two pixels wide each */
#define GRAPH_LEFT ((WIDTH - 2 * GRAPH_LINES) / 2)
#define GRAPH_MS 50u
#define BACK 0xc0000000u /* premultiplied */
#define TEXT 0xffe8e8e8u
#define GOOD 0xff57c26bu
#define LATE 0xffe0a03cu /* above 20 ms: a frame of 60 Hz was missed */
#define LATE_MS 20u

struct buffer {
    struct wayl_hud *hud;
    struct wl_buffer *buffer;
    uint32_t *pixels;
    bool busy; /* the compositor reads it */
};

struct wayl_hud {
    const struct wayl_connection *conn;
    struct wl_surface *surface;
    struct wl_subsurface *subsurface;
    struct buffer buffer[2];
    void *memory;
    struct loop_timer timer;
    bool armed; /* the timer: frames were shown, or it does not say yet that there are none */
    bool due;   /* it is drawn when the compositor lets go of a buffer */
    uint64_t drawn_ns, last_ns;  /* when it was drawn, when a frame was shown */
    struct wayl_latency latency; /* of frames since it was drawn */
    uint8_t line[GRAPH_LINES];   /* ms between frames */
    unsigned next_line;
};

static void draw_graph(const struct wayl_hud *hud, uint32_t *pixels)
{
    for (unsigned i = 0; i < GRAPH_LINES; i++) {
        unsigned ms = hud->line[(hud->next_line + i) % GRAPH_LINES];
        unsigned height = MIN(ms, GRAPH_MS) * GRAPH_HEIGHT / GRAPH_MS;
        uint32_t *at =
            pixels + (size_t)(GRAPH_TOP + GRAPH_HEIGHT - height) * WIDTH + GRAPH_LEFT + 2 * i;
        for (unsigned y = 0; y < height; y++, at += WIDTH)
            at[0] = at[1] = ms > LATE_MS ? LATE : GOOD;
    }
}

static void draw(const struct wayl_hud *hud, uint32_t *pixels, uint64_t now)
{
    char text[64];
    uint64_t tenths = hud->latency.count * 10000000000ull / MAX(now - hud->drawn_ns, 1u);
    uint64_t half = wayl_latency_percentile(&hud->latency, 50) / 100000;
    uint64_t most = wayl_latency_percentile(&hud->latency, 99) / 100000;

    for (size_t i = 0; i < (size_t)WIDTH * HEIGHT; i++)
        pixels[i] = BACK;
    snprintf(text, sizeof(text), "%u.%u fps", (unsigned)(tenths / 10), (unsigned)(tenths % 10));
    wayl_banner_text(pixels, WIDTH, HEIGHT, GRAPH_LEFT, 8, 2, TEXT, text);
    snprintf(text, sizeof(text), "%u.%u - %u.%u ms", (unsigned)(half / 10), (unsigned)(half % 10),
             (unsigned)(most / 10), (unsigned)(most % 10));
    wayl_banner_text(pixels, WIDTH, HEIGHT, GRAPH_LEFT + 144, 12, 1, TEXT, text);
    draw_graph(hud, pixels);
}

static void arm(struct wayl_hud *hud)
{
    loop_timer_set(&hud->timer, UPDATE_NS);
    hud->armed = true;
}

/* Where the socket is full, the next frame has it done. */
static void update(struct wayl_hud *hud)
{
    struct buffer *buffer = !hud->buffer[0].busy ? &hud->buffer[0] : &hud->buffer[1];
    uint64_t now = loop_now_ns();

    hud->due = buffer->busy; /* the window is hidden, or the compositor slow */
    if (buffer->busy || hud->conn->blocked)
        return;
    draw(hud, buffer->pixels, now);
    buffer->busy = true;
    wl_surface_attach(hud->surface, buffer->buffer, 0, 0);
    wl_surface_damage_buffer(hud->surface, 0, 0, (int32_t)WIDTH, (int32_t)HEIGHT);
    wl_surface_commit(hud->surface);
    if (hud->latency.count > 0) /* else it says that there are none, and sleeps */
        arm(hud);
    hud->drawn_ns = now;
    hud->latency = (struct wayl_latency){ 0 };
}

/* A timer, so that many frames are drawn at once; after a time without any it says so, once. */
static void on_timer(struct loop_timer *timer)
{
    struct wayl_hud *hud = container_of(timer, struct wayl_hud, timer);
    hud->armed = false;
    update(hud);
}

static void on_release(void *data, struct wl_buffer *buffer)
{
    struct buffer *mine = data;
    mine->busy = false;
    if (mine->hud->due)
        update(mine->hud);
}

static const struct wl_buffer_listener buffer_listener = { .release = on_release };

static bool make_buffers(struct wayl_hud *hud, struct wl_shm *shm)
{
    const size_t size = WIDTH * HEIGHT * 4, both = ALIGN_UP(2 * size, 4096u);
    int fd = fd_memfd_sealed("vitrine-hud", both);
    if (fd < 0)
        return false;
    hud->memory = mmap(NULL, both, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    struct wl_shm_pool *pool =
        hud->memory == MAP_FAILED ? NULL : wl_shm_create_pool(shm, fd, (int32_t)both);
    close(fd);
    if (!pool)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        struct buffer *b = &hud->buffer[i];
        b->hud = hud;
        b->pixels = (uint32_t *)((char *)hud->memory + i * size);
        b->buffer =
            wl_shm_pool_create_buffer(pool, (int32_t)(i * size), (int32_t)WIDTH, (int32_t)HEIGHT,
                                      (int32_t)WIDTH * 4, WL_SHM_FORMAT_ARGB8888);
        if (b->buffer)
            wl_buffer_add_listener(b->buffer, &buffer_listener, b);
    }
    wl_shm_pool_destroy(pool);
    return hud->buffer[0].buffer && hud->buffer[1].buffer;
}

void wayl_hud_frame(struct wayl_hud *hud, uint64_t latency_ns)
{
    if (!hud)
        return;
    uint64_t now = loop_now_ns(), since_ms = (now - hud->last_ns) / 1000000;
    if (hud->last_ns > 0) {
        hud->line[hud->next_line] = (uint8_t)MIN(since_ms, UINT8_MAX);
        hud->next_line = (hud->next_line + 1) % GRAPH_LINES;
    }
    hud->last_ns = now;
    if (!hud->armed && !hud->due) {
        /* What lies before it was idle, or could not be sent. */
        hud->drawn_ns = now;
        hud->latency = (struct wayl_latency){ 0 };
        arm(hud);
    }
    wayl_latency_add(&hud->latency, latency_ns);
}

struct wayl_hud *wayl_hud_create(struct loop *loop, const struct wayl_connection *conn,
                                 struct wl_surface *parent)
{
    if (!conn->subcompositor) {
        log_warn(
            "--hud: the compositor has no subsurfaces, so nothing can be drawn over the window");
        return NULL;
    }
    struct wayl_hud *hud = calloc(1, sizeof(*hud));
    if (!hud)
        return NULL;
    hud->conn = conn;
    hud->memory = MAP_FAILED;
    if (loop_timer_add(loop, &hud->timer, on_timer) < 0) {
        free(hud);
        return NULL;
    }
    struct wl_region *nothing = wl_compositor_create_region(conn->compositor);
    hud->surface = wl_compositor_create_surface(conn->compositor);
    if (hud->surface)
        hud->subsurface =
            wl_subcompositor_get_subsurface(conn->subcompositor, hud->surface, parent);
    if (!nothing || !hud->subsurface || !make_buffers(hud, conn->shm)) {
        log_warn("--hud: there is no memory for it");
        if (nothing)
            wl_region_destroy(nothing);
        wayl_hud_destroy(hud);
        return NULL;
    }
    wl_surface_set_input_region(hud->surface, nothing); /* what is pointed at is the window */
    wl_region_destroy(nothing);
    wl_subsurface_set_desync(hud->subsurface);
    wl_subsurface_set_position(hud->subsurface, MARGIN, MARGIN);
    return hud;
}

void wayl_hud_destroy(struct wayl_hud *hud)
{
    if (!hud)
        return;
    loop_timer_remove(&hud->timer);
    for (unsigned i = 0; i < 2; i++) {
        if (hud->buffer[i].buffer)
            wl_buffer_destroy(hud->buffer[i].buffer);
    }
    if (hud->subsurface)
        wl_subsurface_destroy(hud->subsurface);
    if (hud->surface)
        wl_surface_destroy(hud->surface);
    if (hud->memory != MAP_FAILED)
        munmap(hud->memory, ALIGN_UP((size_t)2 * WIDTH * HEIGHT * 4, 4096u));
    free(hud);
}
