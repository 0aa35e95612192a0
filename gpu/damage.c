// SPDX-License-Identifier: MIT
#include "gpu/damage.h"

#include "vmm/base/util.h"

bool rect_within(const struct frame_rect *rect, uint32_t width, uint32_t height)
{
    return rect->width > 0 && rect->height > 0 && rect->x < width && rect->y < height &&
           rect->width <= width - rect->x && rect->height <= height - rect->y;
}

bool rect_intersect(const struct frame_rect *a, const struct frame_rect *b, struct frame_rect *out)
{
    uint64_t x1 = MAX(a->x, b->x);
    uint64_t y1 = MAX(a->y, b->y);
    uint64_t x2 = MIN((uint64_t)a->x + a->width, (uint64_t)b->x + b->width);
    uint64_t y2 = MIN((uint64_t)a->y + a->height, (uint64_t)b->y + b->height);
    if (x1 >= x2 || y1 >= y2)
        return false;
    *out = (struct frame_rect){
        .x = (uint32_t)x1,
        .y = (uint32_t)y1,
        .width = (uint32_t)(x2 - x1),
        .height = (uint32_t)(y2 - y1),
    };
    return true;
}

static bool contains(const struct frame_rect *outer, const struct frame_rect *inner)
{
    return outer->x <= inner->x && outer->y <= inner->y &&
           outer->x + outer->width >= inner->x + inner->width &&
           outer->y + outer->height >= inner->y + inner->height;
}

static struct frame_rect join(const struct frame_rect *a, const struct frame_rect *b)
{
    uint32_t x1 = MIN(a->x, b->x);
    uint32_t y1 = MIN(a->y, b->y);
    uint32_t x2 = MAX(a->x + a->width, b->x + b->width);
    uint32_t y2 = MAX(a->y + a->height, b->y + b->height);
    return (struct frame_rect){ .x = x1, .y = y1, .width = x2 - x1, .height = y2 - y1 };
}

static uint64_t area(const struct frame_rect *r)
{
    return (uint64_t)r->width * r->height;
}

static void drop(struct damage *damage, unsigned i)
{
    damage->rect[i] = damage->rect[--damage->n];
}

void damage_add(struct damage *damage, const struct frame_rect *rect)
{
    struct frame_rect added = *rect;

    for (;;) {
        for (unsigned i = 0; i < damage->n;) {
            if (contains(&damage->rect[i], &added))
                return;
            if (contains(&added, &damage->rect[i]))
                drop(damage, i);
            else
                i++;
        }
        if (damage->n < FRAME_MAX_DAMAGE)
            break;
        unsigned best = 0;
        uint64_t least = UINT64_MAX;
        for (unsigned i = 0; i < damage->n; i++) {
            struct frame_rect joined = join(&damage->rect[i], &added);
            uint64_t growth = area(&joined) - area(&damage->rect[i]);
            if (growth < least) {
                least = growth;
                best = i;
            }
        }
        added = join(&damage->rect[best], &added);
        drop(damage, best);
    }
    damage->rect[damage->n++] = added;
}

void damage_add_all(struct damage *damage, const struct damage *other)
{
    for (unsigned i = 0; i < other->n; i++)
        damage_add(damage, &other->rect[i]);
}

void damage_set_full(struct damage *damage, uint32_t width, uint32_t height)
{
    damage->n = 1;
    damage->rect[0] = (struct frame_rect){ .width = width, .height = height };
}

uint64_t damage_area(const struct damage *damage)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < damage->n; i++)
        sum += area(&damage->rect[i]);
    return sum;
}
