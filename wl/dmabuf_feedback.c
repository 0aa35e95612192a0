// SPDX-License-Identifier: MIT
#include "wl/dmabuf_feedback.h"

#include <drm_fourcc.h>
#include <stdlib.h>
#include <string.h>
#include <wayland-client.h>

#include "linux-dmabuf-v1-client.h"

#define LOG_MODULE "wayland"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "wl/device.h"

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

uint32_t wayl_format_opaque(uint32_t fourcc)
{
    for (unsigned i = 0; i < ARRAY_LEN(twins); i++) {
        if (fourcc == twins[i].alpha)
            return twins[i].opaque;
    }
    return fourcc;
}

bool wayl_format_is_of_screen(uint32_t fourcc)
{
    for (unsigned i = 0; i < ARRAY_LEN(twins); i++) {
        if (fourcc == twins[i].alpha || fourcc == twins[i].opaque)
            return true;
    }
    return false;
}

bool wayl_format_list_has(const struct wayl_format_list *list, uint32_t fourcc, uint64_t modifier)
{
    for (unsigned i = 0; i < list->n; i++) {
        if (list->format[i].fourcc == fourcc && list->format[i].modifier == modifier)
            return true;
    }
    return false;
}

void wayl_format_list_add(struct wayl_format_list *list, uint32_t fourcc, uint64_t modifier)
{
    if (list->n < WAYL_FORMATS_MAX && wayl_format_is_of_screen(fourcc) &&
        !wayl_format_list_has(list, fourcc, modifier))
        list->format[list->n++] = (struct display_format){ .fourcc = fourcc, .modifier = modifier };
}

bool wayl_format_list_equal(const struct wayl_format_list *a, const struct wayl_format_list *b)
{
    for (unsigned i = 0; a->n == b->n && i < a->n; i++) {
        if (a->format[i].fourcc != b->format[i].fourcc ||
            a->format[i].modifier != b->format[i].modifier)
            return false;
    }
    return a->n == b->n;
}

static void feedback_format_table(void *data, struct zwp_linux_dmabuf_feedback_v1 *proxy,
                                  int32_t fd_arg, uint32_t size)
{
    struct wayl_dmabuf_feedback *feedback = data;
    autoclose int fd = fd_arg;
    unsigned n = MIN(size / (unsigned)sizeof(struct table_entry), TABLE_MAX);
    free(feedback->table);
    feedback->n_table = 0;
    feedback->table = calloc(MAX(n, 1u), sizeof(*feedback->table));
    /* Read, not mapped: a file that shrinks under a mapping would kill us. */
    autofree struct table_entry *entries = calloc(MAX(n, 1u), sizeof(*entries));
    if (!feedback->table || !entries)
        return;
    if (fd_pread_full(fd, entries, n * sizeof(*entries), 0) < 0) {
        if (!feedback->warned)
            log_warn("the compositor's table of dmabuf formats can't be read: its file is shorter "
                     "than the %u bytes that it was said to have",
                     size);
        feedback->warned = true;
        return;
    }
    for (unsigned i = 0; i < n; i++)
        feedback->table[i] = (struct display_format){ entries[i].format, entries[i].modifier };
    feedback->n_table = n;
}

/* A dev_t, which comes as bytes. */
static bool take_device(const struct wl_array *array, dev_t *dev)
{
    if (array->size != sizeof(*dev))
        return false;
    memcpy(dev, array->data, sizeof(*dev));
    return true;
}

static void feedback_main_device(void *data, struct zwp_linux_dmabuf_feedback_v1 *proxy,
                                 struct wl_array *device)
{
    struct wayl_dmabuf_feedback *feedback = data;
    feedback->has_main = take_device(device, &feedback->main);
}

static void feedback_tranche_target_device(void *data, struct zwp_linux_dmabuf_feedback_v1 *proxy,
                                           struct wl_array *device)
{
    struct wayl_dmabuf_feedback *feedback = data;
    feedback->has_target = take_device(device, &feedback->target);
}

static void feedback_tranche_formats(void *data, struct zwp_linux_dmabuf_feedback_v1 *proxy,
                                     struct wl_array *indices)
{
    struct wayl_dmabuf_feedback *feedback = data;
    const uint16_t *index = indices->data;
    for (size_t i = 0; i < indices->size / sizeof(*index); i++) {
        if (index[i] < feedback->n_table)
            wayl_format_list_add(&feedback->tranche, feedback->table[index[i]].fourcc,
                                 feedback->table[index[i]].modifier);
    }
}

static void feedback_tranche_flags(void *data, struct zwp_linux_dmabuf_feedback_v1 *proxy,
                                   uint32_t flags)
{
    struct wayl_dmabuf_feedback *feedback = data;
    feedback->tranche_scanout = flags & ZWP_LINUX_DMABUF_FEEDBACK_V1_TRANCHE_FLAGS_SCANOUT;
}

static void feedback_tranche_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *proxy)
{
    struct wayl_dmabuf_feedback *feedback = data;
    bool ours = !feedback->has_main || !feedback->has_target ||
                wayl_device_same(feedback->root, feedback->main, feedback->target);
    for (unsigned i = 0; ours && i < feedback->tranche.n; i++) {
        const struct display_format *format = &feedback->tranche.format[i];
        wayl_format_list_add(&feedback->next, format->fourcc, format->modifier);
        if (feedback->tranche_scanout)
            wayl_format_list_add(&feedback->next_scanout, format->fourcc, format->modifier);
    }
    feedback->tranche.n = 0;
    feedback->has_target = feedback->tranche_scanout = false;
}

static void list_move(struct wayl_format_list *to, struct wayl_format_list *from)
{
    memcpy(to->format, from->format, from->n * sizeof(from->format[0]));
    to->n = from->n;
    from->n = 0;
}

static void feedback_done(void *data, struct zwp_linux_dmabuf_feedback_v1 *proxy)
{
    struct wayl_dmabuf_feedback *feedback = data;
    list_move(&feedback->all, &feedback->next);
    list_move(&feedback->scanout, &feedback->next_scanout);
    feedback->tranche.n = 0;
    feedback->done(feedback);
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

void wayl_dmabuf_feedback_init(struct wayl_dmabuf_feedback *feedback, const char *root,
                               struct zwp_linux_dmabuf_feedback_v1 *proxy,
                               void (*done)(struct wayl_dmabuf_feedback *feedback))
{
    feedback->done = done;
    feedback->root = root;
    feedback->proxy = proxy;
    if (proxy)
        zwp_linux_dmabuf_feedback_v1_add_listener(proxy, &feedback_listener, feedback);
}

void wayl_dmabuf_feedback_finish(struct wayl_dmabuf_feedback *feedback)
{
    if (feedback->proxy)
        zwp_linux_dmabuf_feedback_v1_destroy(feedback->proxy);
    feedback->proxy = NULL;
    free(feedback->table);
    feedback->table = NULL;
    feedback->n_table = 0;
}
