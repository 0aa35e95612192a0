// SPDX-License-Identifier: MIT
#include "gpu/context.h"

#include <stdlib.h>

#include "vmm/base/util.h"

static struct list *bucket_of(const struct context_table *table, uint32_t id)
{
    return (struct list *)&table->bucket[id % ARRAY_LEN(table->bucket)];
}

void context_table_init(struct context_table *table)
{
    *table = (struct context_table){ 0 };
    for (unsigned i = 0; i < ARRAY_LEN(table->bucket); i++)
        list_init(&table->bucket[i]);
}

struct gpu_context *context_find(const struct context_table *table, uint32_t id)
{
    struct gpu_context *c;
    list_for_each(c, bucket_of(table, id), link)
        if (c->id == id)
            return c;
    return NULL;
}

struct gpu_context *context_add(struct context_table *table, uint32_t id)
{
    struct gpu_context *c = table->n < CONTEXT_MAX ? calloc(1, sizeof(*c)) : NULL;
    if (!c)
        return NULL;
    c->id = id;
    list_append(bucket_of(table, id), &c->link);
    table->n++;
    return c;
}

void context_remove(struct context_table *table, struct gpu_context *context)
{
    list_remove(&context->link);
    free(context);
    table->n--;
}
