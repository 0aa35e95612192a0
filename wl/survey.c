// SPDX-License-Identifier: MIT
#include "wl/survey.h"

#include <wayland-client.h>

#include "wl/connection.h"

struct survey {
    void (*global)(void *data, const char *interface, uint32_t version);
    void *data;
};

static void on_global(void *data, struct wl_registry *registry, uint32_t name,
                      const char *interface, uint32_t version)
{
    struct survey *survey = data;
    survey->global(survey->data, interface, version);
}

static void on_global_remove(void *data, struct wl_registry *registry, uint32_t name)
{
}

static const struct wl_registry_listener listener = { on_global, on_global_remove };

static void ignore_global(struct wayl_connection *conn, uint32_t name, const char *interface,
                          uint32_t version)
{
}

static void ignore_remove(struct wayl_connection *conn, uint32_t name)
{
}

static const struct wayl_connection_ops ops = { .global = ignore_global,
                                                .global_remove = ignore_remove };

bool wayl_survey(void (*global)(void *data, const char *interface, uint32_t version), void *data)
{
    struct survey survey = { global, data };
    struct wayl_connection conn;
    struct wl_registry *registry = NULL;

    bool ok = wayl_connection_open(&conn, NULL, &ops);
    if (ok && (registry = wl_display_get_registry(conn.display))) {
        wl_registry_add_listener(registry, &listener, &survey);
        ok = wayl_connection_roundtrip(&conn);
        wl_registry_destroy(registry);
    }
    wayl_connection_close(&conn);
    return ok;
}
