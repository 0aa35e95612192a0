/* SPDX-License-Identifier: MIT */
/* An intrusive, circular, doubly linked list. A head and a link are the same type; an initialised
 * link that is on no list points to itself, so list_remove() is safe on it. */
#ifndef VITRINE_BASE_LIST_H
#define VITRINE_BASE_LIST_H

#include <stdbool.h>

#include "vmm/base/util.h"

struct list {
    struct list *prev, *next;
};

static inline void list_init(struct list *l)
{
    l->prev = l->next = l;
}

static inline bool list_empty(const struct list *l)
{
    return l->next == l;
}

/* Puts link in front of the first element. */
static inline void list_prepend(struct list *head, struct list *link)
{
    link->prev = head;
    link->next = head->next;
    head->next->prev = link;
    head->next = link;
}

/* Puts link behind the last element. */
static inline void list_append(struct list *head, struct list *link)
{
    list_prepend(head->prev, link);
}

/* Takes link off its list and leaves it initialised. */
static inline void list_remove(struct list *link)
{
    link->prev->next = link->next;
    link->next->prev = link->prev;
    list_init(link);
}

/* Walks the list; the body must not remove pos. */
#define list_for_each(pos, head, member)                                                           \
    for (pos = container_of((head)->next, __typeof__(*pos), member); &pos->member != (head);       \
         pos = container_of(pos->member.next, __typeof__(*pos), member))

/* Walks the list; the body may remove (and free) pos. */
#define list_for_each_safe(pos, tmp, head, member)                                                 \
    for (pos = container_of((head)->next, __typeof__(*pos), member),                               \
        tmp = container_of(pos->member.next, __typeof__(*pos), member);                            \
         &pos->member != (head);                                                                   \
         pos = tmp, tmp = container_of(pos->member.next, __typeof__(*pos), member))

/* The first element of a list that is not empty. */
#define list_first(head, type, member) container_of((head)->next, type, member)

#endif
