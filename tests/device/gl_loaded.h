/* SPDX-License-Identifier: MIT */
/* Mesa unloads its drivers with the last display. What they keep in static variables is then a leak in
 * the eyes of the address sanitizer, from a module without a name. So they stay. Nor is the thread
 * sanitizer to look into them. */
#ifndef VITRINE_TESTS_DEVICE_GL_LOADED_H
#define VITRINE_TESTS_DEVICE_GL_LOADED_H

#include <dlfcn.h>
#include <link.h>
#include <stddef.h>
#include <string.h>

#define GL_LOADED_MAX 16

struct gl_modules {
    unsigned n;
    char path[GL_LOADED_MAX][256];
};

static inline int gl_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct gl_modules *m = data;
    const char *path = info->dlpi_name;

    if ((strstr(path, "_dri.so") || strstr(path, "libgallium") || strstr(path, "libEGL") ||
         strstr(path, "libgbm")) &&
        m->n < GL_LOADED_MAX && strlen(path) < sizeof(m->path[0]))
        strcpy(m->path[m->n++], path);
    return 0;
}

/* What the thread sanitizer asks: libraries that are built without it order their threads by futexes
 * and atomics that it does not see. One file of a program includes this. */
const char *__tsan_default_suppressions(void);
const char *__tsan_default_suppressions(void)
{
    return "race:_dri.so\nrace:libgallium\nrace:libLLVM\nrace:libvirglrenderer.so\n";
}

/* Call it while a display is open. */
static inline void gl_stays_loaded(void)
{
    static struct gl_modules m;

    m.n = 0;
    dl_iterate_phdr(gl_module, &m);
    for (unsigned i = 0; i < m.n; i++)
        dlopen(m.path[i], RTLD_NOW | RTLD_NODELETE);
}

#endif
