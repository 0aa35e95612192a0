// SPDX-License-Identifier: MIT
#include <drm_fourcc.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wayland-client.h>

#include "linux-dmabuf-v1-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/connection.h"
#include "wl/formats.h"

/* An entry of the feedback's format table (linux-dmabuf, format_table). */
struct table_entry {
    uint32_t format;
    uint32_t padding;
    uint64_t modifier;
};
_Static_assert(sizeof(struct table_entry) == 16, "linux-dmabuf: format_table");

/* Tranches index the table by 16 bits. */
#define TABLE_MAX 65536

/* Each format of ours that has an alpha channel, and the same without it. */
static const struct {
    uint32_t alpha, opaque;
} twins[] = {
    { DRM_FORMAT_ARGB8888, DRM_FORMAT_XRGB8888 },
    { DRM_FORMAT_ABGR8888, DRM_FORMAT_XBGR8888 },
    { DRM_FORMAT_RGBA8888, DRM_FORMAT_RGBX8888 },
    { DRM_FORMAT_BGRA8888, DRM_FORMAT_BGRX8888 },
};

static uint32_t opaque_twin(uint32_t fourcc)
{
    for (unsigned i = 0; i < ARRAY_LEN(twins); i++) {
        if (fourcc == twins[i].alpha)
            return twins[i].opaque;
    }
    return fourcc;
}

static bool is_screen_format(uint32_t fourcc)
{
    for (unsigned i = 0; i < ARRAY_LEN(twins); i++) {
        if (fourcc == twins[i].alpha || fourcc == twins[i].opaque)
            return true;
    }
    return false;
}

static bool list_has(const struct display_format *list, unsigned n, uint32_t fourcc,
                     uint64_t modifier)
{
    for (unsigned i = 0; i < n; i++) {
        if (list[i].fourcc == fourcc && list[i].modifier == modifier)
            return true;
    }
    return false;
}

static void list_add(struct display_format *list, unsigned *n, uint32_t fourcc, uint64_t modifier)
{
    if (*n < WAYL_FORMATS_MAX && is_screen_format(fourcc) && !list_has(list, *n, fourcc, modifier))
        list[(*n)++] = (struct display_format){ .fourcc = fourcc, .modifier = modifier };
}

static void dmabuf_format(void *data, struct zwp_linux_dmabuf_v1 *dmabuf, uint32_t fourcc)
{
    /* The modifier events say the same and more. */
}

static void dmabuf_modifier(void *data, struct zwp_linux_dmabuf_v1 *dmabuf, uint32_t fourcc,
                            uint32_t modifier_hi, uint32_t modifier_lo)
{
    struct wayl_formats *formats = data;
    list_add(formats->dmabuf, &formats->n_dmabuf, fourcc,
             (uint64_t)modifier_hi << 32 | modifier_lo);
}

static const struct zwp_linux_dmabuf_v1_listener dmabuf_listener = {
    .format = dmabuf_format,
    .modifier = dmabuf_modifier,
};

static void feedback_format_table(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback,
                                  int32_t fd_arg, uint32_t size)
{
    struct wayl_formats *formats = data;
    autoclose int fd = fd_arg;
    unsigned n = MIN(size / (unsigned)sizeof(struct table_entry), TABLE_MAX);
    free(formats->table);
    formats->n_table = 0;
    formats->table = calloc(MAX(n, 1u), sizeof(*formats->table));
    /* Read, not mapped: a file that shrinks under a mapping would kill us. */
    autofree struct table_entry *entries = calloc(MAX(n, 1u), sizeof(*entries));
    if (!formats->table || !entries)
        return;
    if (fd_pread_full(fd, entries, n * sizeof(*entries), 0) < 0) {
        log_warn("the compositor's table of dmabuf formats can't be read; frames go by shm");
        return;
    }
    for (unsigned i = 0; i < n; i++)
        formats->table[i] = (struct display_format){ entries[i].format, entries[i].modifier };
    formats->n_table = n;
}

/* A dev_t, which comes as bytes. */
static bool take_device(const struct wl_array *array, dev_t *dev)
{
    if (array->size != sizeof(*dev))
        return false;
    memcpy(dev, array->data, sizeof(*dev));
    return true;
}

static void feedback_main_device(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback,
                                 struct wl_array *device)
{
    struct wayl_formats *formats = data;
    formats->has_main = take_device(device, &formats->main);
}

static void feedback_tranche_target_device(void *data,
                                           struct zwp_linux_dmabuf_feedback_v1 *feedback,
                                           struct wl_array *device)
{
    struct wayl_formats *formats = data;
    formats->has_target = take_device(device, &formats->target);
}

static void feedback_tranche_formats(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback,
                                     struct wl_array *indices)
{
    struct wayl_formats *formats = data;
    const uint16_t *index = indices->data;
    for (size_t i = 0; i < indices->size / sizeof(*index); i++) {
        if (index[i] < formats->n_table)
            list_add(formats->tranche, &formats->n_tranche, formats->table[index[i]].fourcc,
                     formats->table[index[i]].modifier);
    }
}

static void feedback_tranche_flags(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback,
                                   uint32_t flags)
{
}

static void feedback_tranche_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback)
{
    struct wayl_formats *formats = data;
    bool ours = !formats->has_main || !formats->has_target ||
                wayl_device_same(formats->root, formats->main, formats->target);
    for (unsigned i = 0; ours && i < formats->n_tranche; i++)
        list_add(formats->next, &formats->n_next, formats->tranche[i].fourcc,
                 formats->tranche[i].modifier);
    formats->n_tranche = 0;
    formats->has_target = false;
}

static void find_node(struct wayl_formats *formats)
{
    formats->node[0] = '\0';
    if (!formats->has_main || !wayl_device_render_node(formats->root, formats->main, formats->node))
        return;
    if (access(formats->node, R_OK | W_OK) == 0)
        return;
    log_warn("the compositor draws with %s, which can't be used: %s", formats->node,
             strerror(errno));
    formats->node[0] = '\0';
}

static void feedback_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *feedback)
{
    struct wayl_formats *formats = data;
    memcpy(formats->dmabuf, formats->next, formats->n_next * sizeof(formats->next[0]));
    formats->n_dmabuf = formats->n_next;
    formats->n_next = formats->n_tranche = 0;
    find_node(formats);
    formats->changed(formats);
}

static const struct zwp_linux_dmabuf_feedback_v1_listener feedback_listener = {
    .done = feedback_done,
    .format_table = feedback_format_table,
    .main_device = feedback_main_device,
    .tranche_done = feedback_tranche_done,
    .tranche_target_device = feedback_tranche_target_device,
    .tranche_formats = feedback_tranche_formats,
    .tranche_flags = feedback_tranche_flags,
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
    if (formats->n_shm < WAYL_SHM_FORMATS_MAX && is_screen_format(fourcc))
        formats->shm[formats->n_shm++] = fourcc;
}

static const struct wl_shm_listener shm_listener = { .format = shm_format };

void wayl_formats_init(struct wayl_formats *formats, struct wayl_connection *conn, const char *root,
                       void (*changed)(struct wayl_formats *formats))
{
    *formats = (struct wayl_formats){ .changed = changed, .root = root };
    wl_shm_add_listener(conn->shm, &shm_listener, formats);
    if (!conn->dmabuf)
        return;
    zwp_linux_dmabuf_v1_add_listener(conn->dmabuf, &dmabuf_listener, formats);
    if (zwp_linux_dmabuf_v1_get_version(conn->dmabuf) <
        ZWP_LINUX_DMABUF_V1_GET_DEFAULT_FEEDBACK_SINCE_VERSION)
        return;
    formats->feedback = zwp_linux_dmabuf_v1_get_default_feedback(conn->dmabuf);
    if (formats->feedback)
        zwp_linux_dmabuf_feedback_v1_add_listener(formats->feedback, &feedback_listener, formats);
}

void wayl_formats_finish(struct wayl_formats *formats)
{
    if (formats->feedback)
        zwp_linux_dmabuf_feedback_v1_destroy(formats->feedback);
    free(formats->table);
    *formats = (struct wayl_formats){ .changed = formats->changed, .root = formats->root };
}

static bool dmabuf_as(const struct wayl_formats *formats, uint32_t fourcc, uint64_t *modifier)
{
    if (list_has(formats->dmabuf, formats->n_dmabuf, fourcc, *modifier))
        return true;
    if (*modifier != DRM_FORMAT_MOD_LINEAR ||
        !list_has(formats->dmabuf, formats->n_dmabuf, fourcc, DRM_FORMAT_MOD_INVALID))
        return false;
    *modifier = DRM_FORMAT_MOD_INVALID;
    return true;
}

uint32_t wayl_formats_dmabuf(const struct wayl_formats *formats, uint32_t fourcc,
                             uint64_t *modifier)
{
    uint32_t opaque = opaque_twin(fourcc);
    if (dmabuf_as(formats, opaque, modifier))
        return opaque;
    return dmabuf_as(formats, fourcc, modifier) ? fourcc : 0;
}

bool wayl_formats_shm(const struct wayl_formats *formats, uint32_t fourcc, bool opaque,
                      uint32_t *shm_fmt)
{
    uint32_t choice[2] = { opaque ? opaque_twin(fourcc) : fourcc, fourcc };
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
