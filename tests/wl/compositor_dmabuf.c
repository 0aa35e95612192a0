// SPDX-License-Identifier: MIT
/* zwp_linux_dmabuf_v1: the lists of formats, and imports that come true or fail. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "linux-dmabuf-v1-server.h"

#define LOG_MODULE "compositor"
#include "tests/wl/compositor_internal.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

struct table_entry {
    uint32_t format, padding;
    uint64_t modifier;
};

static const struct wl_buffer_interface buffer_impl = { .destroy = compositor_destroy_request };

static void params_add(struct wl_client *client, struct wl_resource *resource, int32_t fd,
                       uint32_t plane, uint32_t offset, uint32_t stride, uint32_t modifier_hi,
                       uint32_t modifier_lo)
{
    struct compositor_import *import = wl_resource_get_user_data(resource);
    close(fd);
    import->n_planes++;
    import->offset = offset;
    import->stride = stride;
    import->modifier = (uint64_t)modifier_hi << 32 | modifier_lo;
}

static void answer(struct compositor *c, struct compositor_import *import)
{
    list_remove(&import->link);
    if (c->fail_imports) {
        zwp_linux_buffer_params_v1_send_failed(import->params);
        return;
    }
    struct wl_resource *buffer = wl_resource_create(c->client, &wl_buffer_interface, 1, 0);
    wl_resource_set_implementation(buffer, &buffer_impl, NULL, NULL);
    zwp_linux_buffer_params_v1_send_created(import->params, buffer);
}

struct params {
    struct compositor_import import;
    struct compositor *compositor;
};

static void params_create(struct wl_client *client, struct wl_resource *resource, int32_t width,
                          int32_t height, uint32_t format, uint32_t flags)
{
    struct params *params = wl_resource_get_user_data(resource);
    struct compositor *c = params->compositor;
    struct compositor_import *import = &params->import;
    import->width = (uint32_t)width;
    import->height = (uint32_t)height;
    import->format = format;
    import->flags = flags;
    c->n_imports++;
    c->last_import = *import;
    list_append(&c->imports, &import->link);
    if (!c->hold_imports)
        answer(c, import);
}

/* create_immed is absent: a client that calls it ends this process. */
static const struct zwp_linux_buffer_params_v1_interface params_impl = {
    .destroy = compositor_destroy_request,
    .add = params_add,
    .create = params_create,
};

static void params_gone(struct wl_resource *resource)
{
    struct params *params = wl_resource_get_user_data(resource);
    list_remove(&params->import.link);
    free(params);
}

static void create_params(struct wl_client *client, struct wl_resource *resource, uint32_t id)
{
    struct params *params = calloc(1, sizeof(*params));
    BUG_ON(!params);
    params->compositor = wl_resource_get_user_data(resource);
    list_init(&params->import.link);
    params->import.params = wl_resource_create(client, &zwp_linux_buffer_params_v1_interface,
                                               wl_resource_get_version(resource), id);
    wl_resource_set_implementation(params->import.params, &params_impl, params, params_gone);
}

static const struct zwp_linux_dmabuf_feedback_v1_interface feedback_impl = {
    .destroy = compositor_destroy_request,
};

static void feedback_gone(struct wl_resource *resource)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    c->feedback = NULL;
}

static void send_bytes(struct wl_resource *to, const struct compositor_bytes *bytes,
                       void (*send)(struct wl_resource *feedback, struct wl_array *array))
{
    struct wl_array array;
    if (!bytes->data)
        return;
    wl_array_init(&array);
    memcpy(wl_array_add(&array, bytes->len), bytes->data, bytes->len);
    send(to, &array);
    wl_array_release(&array);
}

static void send_table(struct wl_resource *to, const struct compositor_feedback *feedback)
{
    if (feedback->table_fd) {
        zwp_linux_dmabuf_feedback_v1_send_format_table(to, feedback->table_fd,
                                                       feedback->table_size);
        return;
    }
    int fd = fd_memfd_sealed("formats", feedback->table.len);
    BUG_ON(fd < 0 || fd_pwrite_full(fd, feedback->table.data, feedback->table.len, 0) < 0);
    zwp_linux_dmabuf_feedback_v1_send_format_table(to, fd, feedback->table_size);
    close(fd);
}

static void send_feedback(struct wl_resource *to, const struct compositor_feedback *feedback)
{
    if (feedback->table.data || feedback->table_fd)
        send_table(to, feedback);
    send_bytes(to, &feedback->device, zwp_linux_dmabuf_feedback_v1_send_main_device);
    for (unsigned i = 0; i < feedback->n_tranches; i++) {
        send_bytes(to, &feedback->tranche[i].target,
                   zwp_linux_dmabuf_feedback_v1_send_tranche_target_device);
        send_bytes(to, &feedback->tranche[i].indices,
                   zwp_linux_dmabuf_feedback_v1_send_tranche_formats);
        zwp_linux_dmabuf_feedback_v1_send_tranche_flags(to, feedback->tranche[i].flags);
        zwp_linux_dmabuf_feedback_v1_send_tranche_done(to);
    }
    zwp_linux_dmabuf_feedback_v1_send_done(to);
}

void compositor_send_feedback(struct compositor *c, const struct compositor_feedback *feedback)
{
    send_feedback(c->feedback, feedback);
}

void compositor_send_surface_feedback(struct compositor_surface *surface,
                                      const struct compositor_feedback *feedback)
{
    BUG_ON(!surface->feedback);
    send_feedback(surface->feedback, feedback);
}

void compositor_send_formats(struct compositor *c, const struct compositor_format *formats,
                             unsigned n)
{
    struct table_entry table[16] = { 0 };
    uint16_t indices[17];
    BUG_ON(n > ARRAY_LEN(table));
    for (unsigned i = 0; i < n; i++) {
        table[i] = (struct table_entry){ formats[i].fourcc, 0, formats[i].modifier };
        indices[i] = (uint16_t)i;
    }
    struct compositor_feedback feedback = {
        .table = BYTES_OF(table),
        .table_size = n * (uint32_t)sizeof(table[0]),
        .device = BYTES_OF(c->config.device),
        .n_tranches = 1,
        .tranche[0] = { .target = BYTES_OF(c->config.device),
                        .indices = { indices, n * sizeof(indices[0]) } },
    };
    compositor_send_feedback(c, &feedback);
}

static void get_default_feedback(struct wl_client *client, struct wl_resource *resource,
                                 uint32_t id)
{
    struct compositor *c = wl_resource_get_user_data(resource);
    c->feedback = wl_resource_create(client, &zwp_linux_dmabuf_feedback_v1_interface,
                                     wl_resource_get_version(resource), id);
    wl_resource_set_implementation(c->feedback, &feedback_impl, c, feedback_gone);
    compositor_send_formats(c, c->config.formats, c->config.n_formats);
}

static void surface_feedback_gone(struct wl_resource *resource)
{
    struct compositor_surface *surface = wl_resource_get_user_data(resource);
    if (surface)
        surface->feedback = NULL;
}

/* Nothing is said of a surface until the test says it. */
static void get_surface_feedback(struct wl_client *client, struct wl_resource *resource,
                                 uint32_t id, struct wl_resource *wl_surface)
{
    struct compositor_surface *surface = compositor_surface_of(wl_surface);
    surface->feedback = wl_resource_create(client, &zwp_linux_dmabuf_feedback_v1_interface,
                                           wl_resource_get_version(resource), id);
    wl_resource_set_implementation(surface->feedback, &feedback_impl, surface,
                                   surface_feedback_gone);
}

static const struct zwp_linux_dmabuf_v1_interface dmabuf_impl = {
    .destroy = compositor_destroy_request,
    .create_params = create_params,
    .get_default_feedback = get_default_feedback,
    .get_surface_feedback = get_surface_feedback,
};

void compositor_bind_dmabuf(struct wl_client *client, void *data, uint32_t version, uint32_t id)
{
    struct compositor *c = data;
    struct wl_resource *resource =
        wl_resource_create(client, &zwp_linux_dmabuf_v1_interface, (int)version, id);
    wl_resource_set_implementation(resource, &dmabuf_impl, c, NULL);
    for (unsigned i = 0; version == 3 && i < c->config.n_formats; i++) {
        uint64_t modifier = c->config.formats[i].modifier;
        zwp_linux_dmabuf_v1_send_modifier(resource, c->config.formats[i].fourcc,
                                          (uint32_t)(modifier >> 32), (uint32_t)modifier);
    }
}

void compositor_answer_imports(struct compositor *c)
{
    while (!list_empty(&c->imports))
        answer(c, list_first(&c->imports, struct compositor_import, link));
}
