// SPDX-License-Identifier: MIT
#include "gpu/imports.h"

#include <drm_fourcc.h>
#include <stddef.h>

static const uint32_t fourccs[IMPORT_FORMATS] = {
    DRM_FORMAT_XRGB8888,
    DRM_FORMAT_XBGR8888,
    DRM_FORMAT_BGRX8888,
    DRM_FORMAT_RGBX8888,
};

static bool offers(const struct import_format *format, uint64_t modifier)
{
    for (unsigned i = 0; i < format->n; i++)
        if (format->modifier[i] == modifier)
            return true;
    return false;
}

/* Room is kept for the two that every driver can make. */
static unsigned room_for(uint64_t modifier)
{
    bool plain = modifier == DRM_FORMAT_MOD_LINEAR || modifier == DRM_FORMAT_MOD_INVALID;
    return plain ? IMPORT_MODIFIERS : IMPORT_MODIFIERS - 2;
}

static void add(struct imports *imports, const struct display_format *offered)
{
    for (unsigned i = 0; i < IMPORT_FORMATS; i++) {
        struct import_format *f = &imports->format[i];
        if (f->fourcc != offered->fourcc || f->n >= room_for(offered->modifier) ||
            offers(f, offered->modifier))
            continue;
        f->modifier[f->n++] = offered->modifier;
        imports->any = true;
    }
}

void imports_set(struct imports *imports, const struct display_format *formats, unsigned n)
{
    uint32_t generation = imports->generation + 1;

    *imports = (struct imports){ .generation = generation ? generation : 1 };
    for (unsigned i = 0; i < IMPORT_FORMATS; i++)
        imports->format[i].fourcc = fourccs[i];
    for (unsigned i = 0; i < n; i++)
        add(imports, &formats[i]);
    for (unsigned i = 0; i < IMPORT_FORMATS; i++) {
        struct import_format *f = &imports->format[i];
        f->linear_modifier = DRM_FORMAT_MOD_LINEAR;
        f->linear = imports_take(imports, f->fourcc, &f->linear_modifier);
    }
}

const struct import_format *imports_of(const struct imports *imports, uint32_t fourcc)
{
    for (unsigned i = 0; i < IMPORT_FORMATS; i++)
        if (fourccs[i] == fourcc)
            return &imports->format[i];
    return NULL;
}

bool imports_take(const struct imports *imports, uint32_t fourcc, uint64_t *modifier)
{
    const struct import_format *f = imports_of(imports, fourcc);

    if (!f)
        return false;
    if (offers(f, *modifier))
        return true;
    if (*modifier != DRM_FORMAT_MOD_LINEAR || !offers(f, DRM_FORMAT_MOD_INVALID))
        return false;
    *modifier = DRM_FORMAT_MOD_INVALID;
    return true;
}
