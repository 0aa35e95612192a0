/* SPDX-License-Identifier: MIT */
/*
 * A libdecor in place of the real one: a title bar of 24 pixels, a subsurface without a picture above the
 * window's content, none where that is fullscreen. It is as particular as the real one: objects come once
 * its own registry was read, and a commit without an acknowledged configure fails the test.
 */
#ifndef VITRINE_TESTS_WL_DECOR_FAKE_H
#define VITRINE_TESTS_WL_DECOR_FAKE_H

#include <stdbool.h>

#define DECOR_TITLE 24

struct decor_fake {
    unsigned contexts, frames; /* that there are */
    unsigned made;             /* contexts ever */
    unsigned dispatches;
    bool unready; /* its plugin never comes up */
};
extern struct decor_fake decor_fake;

/* For cmocka's groups: a folder with a plugin in it, as far as its name tells. */
int decor_fake_setup(void **state);
int decor_fake_teardown(void **state);

#endif
