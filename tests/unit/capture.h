/* SPDX-License-Identifier: MIT */
/* Takes what a test writes to stderr, so that it can look at the messages. */
#ifndef VITRINE_TESTS_UNIT_CAPTURE_H
#define VITRINE_TESTS_UNIT_CAPTURE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"

struct capture {
    int saved, fd;
    char text[4096];
    unsigned lines;
};

static inline void capture_begin(struct capture *c)
{
    fflush(stderr);
    c->saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    c->fd = memfd_create("stderr", MFD_CLOEXEC);
    dup2(c->fd, STDERR_FILENO);
}

/* Fills in text and lines, and shows the rest of the output to the user again. */
static inline void capture_end(struct capture *c)
{
    fflush(stderr);
    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    ssize_t n = pread(c->fd, c->text, sizeof(c->text) - 1, 0);
    c->text[n < 0 ? 0 : n] = '\0';
    c->lines = 0;
    for (const char *p = c->text; (p = strchr(p, '\n')); p++)
        c->lines++;
    close(c->fd);
}

/* What was refused said so in one line, and why. */
static inline void capture_assert_refused(const struct capture *c, bool ok, const char *why)
{
    if (ok || c->lines != 1 || !strstr(c->text, why))
        print_message("expected '%s', got: %s", why, c->text);
    assert_false(ok);
    assert_int_equal(c->lines, 1);
    assert_non_null(strstr(c->text, why));
}

#endif
