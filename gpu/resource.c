// SPDX-License-Identifier: MIT
#include "gpu/resource.h"

#include <stdlib.h>
#include <string.h>

#include "vmm/base/util.h"

static struct list *bucket_of(const struct resource_table *table, uint32_t id)
{
    return (struct list *)&table->bucket[id % ARRAY_LEN(table->bucket)];
}

void resource_table_init(struct resource_table *table, unsigned max)
{
    memset(table, 0, sizeof(*table));
    table->max = max;
    for (unsigned i = 0; i < ARRAY_LEN(table->bucket); i++)
        list_init(&table->bucket[i]);
}

struct gpu_resource *resource_find(const struct resource_table *table, uint32_t id)
{
    struct gpu_resource *r;
    list_for_each(r, bucket_of(table, id), link)
        if (r->id == id)
            return r;
    return NULL;
}

struct gpu_resource *resource_add(struct resource_table *table, uint32_t id,
                                  enum resource_kind kind)
{
    struct gpu_resource *r = table->n < table->max ? calloc(1, sizeof(*r)) : NULL;
    if (!r)
        return NULL;
    r->id = id;
    r->kind = kind;
    list_append(bucket_of(table, id), &r->link);
    table->n++;
    return r;
}

void resource_remove(struct resource_table *table, struct gpu_resource *resource)
{
    list_remove(&resource->link);
    backing_finish(&resource->backing);
    free(resource);
    table->n--;
}

bool resource_layout_equal(const struct resource_layout *a, const struct resource_layout *b)
{
    return a->width == b->width && a->height == b->height && a->format == b->format &&
           a->stride == b->stride && a->offset == b->offset;
}
