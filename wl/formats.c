// SPDX-License-Identifier: MIT
#include <drm_fourcc.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wayland-client.h>

#include "linux-dmabuf-v1-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/formats.h"

static void dmabuf_format(void *data, struct zwp_linux_dmabuf_v1 *dmabuf, uint32_t fourcc)
{
    /* The modifier events say the same and more. */
}

static void dmabuf_modifier(void *data, struct zwp_linux_dmabuf_v1 *dmabuf, uint32_t fourcc,
                            uint32_t modifier_hi, uint32_t modifier_lo)
{
    struct wayl_formats *formats = data;
    wayl_format_list_add(&formats->dmabuf, fourcc, (uint64_t)modifier_hi << 32 | modifier_lo);
}

static const struct zwp_linux_dmabuf_v1_listener dmabuf_listener = {
    .format = dmabuf_format,
    .modifier = dmabuf_modifier,
};

/* wl_shm has codes of its own for the two formats that every compositor takes. */
static uint32_t shm_from_fourcc(uint32_t fourcc)
{
    return fourcc == DRM_FORMAT_ARGB8888   ? (uint32_t)WL_SHM_FORMAT_ARGB8888
           : fourcc == DRM_FORMAT_XRGB8888 ? (uint32_t)WL_SHM_FORMAT_XRGB8888
                                           : fourcc;
}

static void shm_format(void *data, struct wl_shm *shm, uint32_t format)
{
    struct wayl_formats *formats = data;
    uint32_t fourcc = format == WL_SHM_FORMAT_ARGB8888   ? DRM_FORMAT_ARGB8888
                      : format == WL_SHM_FORMAT_XRGB8888 ? DRM_FORMAT_XRGB8888
                                                         : format;
    if (formats->n_shm < WAYL_SHM_FORMATS_MAX && wayl_format_is_of_screen(fourcc))
        formats->shm[formats->n_shm++] = fourcc;
}

static const struct wl_shm_listener shm_listener = { .format = shm_format };

static void find_node(struct wayl_formats *formats)
{
    const struct wayl_dmabuf_feedback *feedback = &formats->feedback;
    formats->node[0] = '\0';
    if (!feedback->has_main ||
        !wayl_device_render_node(formats->root, feedback->main, formats->node))
        return;
    if (access(formats->node, R_OK | W_OK) == 0)
        return;
    log_warn("the compositor draws with %s, which can't be used: %s", formats->node,
             strerror(errno));
    formats->node[0] = '\0';
}

static void default_done(struct wayl_dmabuf_feedback *feedback)
{
    struct wayl_formats *formats = container_of(feedback, struct wayl_formats, feedback);
    formats->dmabuf = feedback->all;
    find_node(formats);
    formats->changed(formats);
}

static bool has_feedback(const struct wayl_connection *conn)
{
    return conn->dmabuf && zwp_linux_dmabuf_v1_get_version(conn->dmabuf) >=
                               ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK_SINCE_VERSION;
}

void wayl_formats_init(struct wayl_formats *formats, struct wayl_connection *conn, const char *root,
                       void (*changed)(struct wayl_formats *formats))
{
    *formats = (struct wayl_formats){ .changed = changed, .conn = conn, .root = root };
    wl_shm_add_listener(conn->shm, &shm_listener, formats);
    if (conn->dmabuf)
        zwp_linux_dmabuf_v1_add_listener(conn->dmabuf, &dmabuf_listener, formats);
    if (has_feedback(conn))
        wayl_dmabuf_feedback_init(&formats->feedback, root,
                                  zwp_linux_dmabuf_v1_get_default_feedback(conn->dmabuf),
                                  default_done);
}

void wayl_formats_finish(struct wayl_formats *formats)
{
    for (unsigned i = 0; i < DISPLAY_MAX_SCANOUTS; i++)
        wayl_formats_unwatch(formats, i);
    wayl_dmabuf_feedback_finish(&formats->feedback);
    formats->dmabuf.n = formats->n_shm = 0;
    formats->node[0] = '\0';
}

/* Compositors say it again for any reason; the GPU process is told of what is new. */
static void surface_done(struct wayl_dmabuf_feedback *feedback)
{
    struct wayl_surface_formats *surface =
        container_of(feedback, struct wayl_surface_formats, feedback);
    if (wayl_format_list_equal(&surface->scanout, &feedback->scanout))
        return;
    surface->scanout = feedback->scanout;
    surface->formats->changed(surface->formats);
}

void wayl_formats_watch(struct wayl_formats *formats, unsigned scanout, struct wl_surface *surface)
{
    if (!has_feedback(formats->conn))
        return;
    wayl_formats_unwatch(formats, scanout);
    struct wayl_surface_formats *of_surface = calloc(1, sizeof(*of_surface));
    if (!of_surface)
        return; /* the default is known */
    of_surface->formats = formats;
    formats->surface[scanout] = of_surface;
    wayl_dmabuf_feedback_init(
        &of_surface->feedback, formats->root,
        zwp_linux_dmabuf_v1_get_surface_feedback(formats->conn->dmabuf, surface), surface_done);
}

void wayl_formats_unwatch(struct wayl_formats *formats, unsigned scanout)
{
    struct wayl_surface_formats *surface = formats->surface[scanout];
    if (!surface)
        return;
    wayl_dmabuf_feedback_finish(&surface->feedback);
    free(surface);
    formats->surface[scanout] = NULL;
}

void wayl_formats_list(const struct wayl_formats *formats, struct wayl_format_list *list)
{
    list->n = 0;
    for (unsigned s = 0; s < DISPLAY_MAX_SCANOUTS; s++) {
        const struct wayl_surface_formats *surface = formats->surface[s];
        for (unsigned i = 0; surface && i < surface->scanout.n; i++) {
            const struct display_format *format = &surface->scanout.format[i];
            if (wayl_format_list_has(&formats->dmabuf, format->fourcc, format->modifier))
                wayl_format_list_add(list, format->fourcc, format->modifier);
        }
    }
    for (unsigned i = 0; i < formats->dmabuf.n; i++)
        wayl_format_list_add(list, formats->dmabuf.format[i].fourcc,
                             formats->dmabuf.format[i].modifier);
}

static bool dmabuf_as(const struct wayl_formats *formats, uint32_t fourcc, uint64_t *modifier)
{
    if (wayl_format_list_has(&formats->dmabuf, fourcc, *modifier))
        return true;
    if (*modifier != DRM_FORMAT_MOD_LINEAR ||
        !wayl_format_list_has(&formats->dmabuf, fourcc, DRM_FORMAT_MOD_INVALID))
        return false;
    *modifier = DRM_FORMAT_MOD_INVALID;
    return true;
}

uint32_t wayl_formats_dmabuf(const struct wayl_formats *formats, uint32_t fourcc,
                             uint64_t *modifier)
{
    uint32_t opaque = wayl_format_opaque(fourcc);
    if (dmabuf_as(formats, opaque, modifier))
        return opaque;
    return dmabuf_as(formats, fourcc, modifier) ? fourcc : 0;
}

bool wayl_formats_shm(const struct wayl_formats *formats, uint32_t fourcc, bool opaque,
                      uint32_t *shm_fmt)
{
    uint32_t choice[2] = { opaque ? wayl_format_opaque(fourcc) : fourcc, fourcc };
    for (unsigned c = 0; c < 2; c++) {
        for (unsigned i = 0; i < formats->n_shm; i++) {
            if (formats->shm[i] != choice[c])
                continue;
            *shm_fmt = shm_from_fourcc(choice[c]);
            return true;
        }
    }
    return false;
}
