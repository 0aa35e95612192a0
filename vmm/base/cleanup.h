/* SPDX-License-Identifier: MIT */
/* Scope-bound ownership: what a variable holds is let go when the variable's scope ends. */
#ifndef VITRINE_BASE_CLEANUP_H
#define VITRINE_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
    free(*(void **)p);
}

static inline void cleanup_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

/* free() at the end of the scope. */
#define autofree __attribute__((cleanup(cleanup_free)))
/* close() at the end of the scope; a negative value holds nothing. */
#define autoclose __attribute__((cleanup(cleanup_close)))

/* Takes the fd out of *fd, so that its scope no longer closes it. */
static inline int steal_fd(int *fd)
{
    int stolen = *fd;
    *fd = -1;
    return stolen;
}

static inline void *steal_ptr_(void *p)
{
    void *stolen = *(void **)p;
    *(void **)p = NULL;
    return stolen;
}

/* Takes the pointer out of a variable, so that its scope no longer frees it. */
#define steal_ptr(var) ((__typeof__(var))steal_ptr_(&(var)))

#endif
