/* SPDX-License-Identifier: MIT */
/*
 * The guest's resources: host resources, whose pixels are the back-end's (virtio-gpu's 2D resources
 * here, textures in 3D), and guest blobs, whose pixels are the guest's own pages.
 */
#ifndef VITRINE_GPU_RESOURCE_H
#define VITRINE_GPU_RESOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "gpu/backing.h"
#include "vmm/base/list.h"

struct gpu_buffer;

/* How many there may be: host resources of 2D hold a file descriptor each; each texture and buffer of
 * the guest's programs is one in 3D. */
#define RESOURCE_MAX 4096
#define RESOURCE_MAX_RENDER (1u << 18)
/* Backing entries of one resource, and of all. */
#define RESOURCE_MAX_ENTRIES 65536
#define RESOURCE_MAX_ALL_ENTRIES (1u << 20)
/* Pixels of a picture, each way. */
#define RESOURCE_MAX_SIZE 16384

enum resource_kind { RESOURCE_HOST, RESOURCE_GUEST_BLOB };

/* How a picture lies in a resource. */
struct resource_layout {
    uint32_t width, height; /* pixels, 1 to RESOURCE_MAX_SIZE */
    uint32_t format;        /* VIRTIO_GPU_FORMAT_* */
    uint32_t stride;        /* bytes */
    uint64_t offset;        /* bytes */
};

struct gpu_resource {
    struct list link;
    uint32_t id;
    enum resource_kind kind;
    bool has_backing;
    struct backing backing;
    uint32_t journal_slot; /* the journal's: 1 and on; 0: it is not noted there */

    /* Host resources. */
    struct resource_layout layout;
    void *host; /* the back-end's; guest blobs: of one that renders, while they have a backing */
    uint64_t copied; /* bytes copied into it that no frame has counted yet */

    /* Textures: host resources of a back-end with a painter that can be shown on a screen. */
    uint32_t texture; /* GL's name, two-dimensional or a rectangle, of one sample; 0: it is none */
    bool y_inverted;  /* its first row is the lowest of the picture */

    /* Guest blobs. */
    uint64_t size; /* bytes */

    /* Guest blobs and textures: what shows them without a copy; NULL: none made yet. */
    struct gpu_buffer *dmabuf;
    struct resource_layout dmabuf_layout; /* blobs: what it shows */
    const char *dmabuf_why;     /* why none could be made for that layout; NULL: none was tried */
    uint32_t dmabuf_generation; /* textures: the display's imports that dmabuf_fits is about */
    bool dmabuf_fits;
};

/* Zeroed members are set up by resource_table_init(). */
struct resource_table {
    struct list bucket[8192]; /* a guest's numbers follow each other, so few share one */
    unsigned n, max;
    unsigned n_entries; /* of all backings */
};

void resource_table_init(struct resource_table *table, unsigned max);
/* NULL where there is none. */
struct gpu_resource *resource_find(const struct resource_table *table, uint32_t id);
/* A resource under an id that is free. NULL where there is no memory or as many as may be are there. */
struct gpu_resource *resource_add(struct resource_table *table, uint32_t id,
                                  enum resource_kind kind);
/* Takes it off the table and frees it; host and dmabuf are gone already. */
void resource_remove(struct resource_table *table, struct gpu_resource *resource);

bool resource_layout_equal(const struct resource_layout *a, const struct resource_layout *b);

#endif
