// SPDX-License-Identifier: MIT
/* The host's GL, surfaceless: what Mesa offers on every machine. */
#include <epoxy/gl.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "gpu/gl/egl.h"
#include "tests/device/gl_loaded.h"
#include "tests/test.h"

static void surfaceless_gl_is_there_and_says_its_name(void **state)
{
    struct egl egl;

    assert_int_equal(egl_init(&egl, EGL_SURFACELESS), 0);
    gl_stays_loaded();
    assert_int_equal(egl.drm_fd, -1);
    assert_null(egl.gbm);
    assert_string_equal(egl.node, "surfaceless");
    assert_true(strlen(egl.renderer) > 0);
    assert_ptr_equal(eglGetCurrentContext(), egl.context);
    egl_finish(&egl);
}

static void without_a_choice_there_is_gl_wherever_it_is(void **state)
{
    struct egl egl;

    assert_int_equal(egl_init(&egl, NULL), 0);
    assert_int_equal(!strcmp(egl.node, EGL_SURFACELESS), egl.drm_fd < 0);
    assert_true(egl.drm_fd < 0 || !egl.software); /* no node is chosen for software */
    gl_stays_loaded();
    egl_finish(&egl);
}

struct other {
    const struct egl *egl;
    GLuint texture;
    bool seen;
};

static void *other_thread(void *data)
{
    struct other *o = data;
    EGLContext context = egl_create_context(o->egl, 3, 2);
    if (context == EGL_NO_CONTEXT || !egl_make_current(o->egl, context))
        return NULL;
    o->seen = glIsTexture(o->texture);
    egl_make_current(o->egl, EGL_NO_CONTEXT);
    egl_destroy_context(o->egl, context);
    return NULL;
}

static void a_context_of_another_thread_sees_the_roots_textures(void **state)
{
    struct egl egl;
    struct other other = { .egl = &egl };
    pthread_t thread;

    assert_int_equal(egl_init(&egl, EGL_SURFACELESS), 0);
    glGenTextures(1, &other.texture);
    glBindTexture(GL_TEXTURE_2D, other.texture);
    glFlush();
    assert_int_equal(pthread_create(&thread, NULL, other_thread, &other), 0);
    pthread_join(thread, NULL);
    assert_true(other.seen);
    glDeleteTextures(1, &other.texture);
    egl_finish(&egl);
}

static void a_version_that_nobody_has_is_no_context(void **state)
{
    struct egl egl;

    assert_int_equal(egl_init(&egl, EGL_SURFACELESS), 0);
    assert_ptr_equal(egl_create_context(&egl, 9, 9), EGL_NO_CONTEXT);
    egl_finish(&egl);
}

static void a_node_that_cannot_serve_is_named_in_the_reason(void **state)
{
    char too_long[200];
    struct egl egl;

    assert_int_equal(egl_init(&egl, "/dev/dri/no-such-node"), -ENOENT);
    assert_non_null(strstr(egl.why, "/dev/dri/no-such-node"));
    assert_true(egl_init(&egl, "/dev/null") < 0);
    assert_non_null(strstr(egl.why, "/dev/null"));
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    assert_int_equal(egl_init(&egl, too_long), -ENAMETOOLONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(surfaceless_gl_is_there_and_says_its_name),
        cmocka_unit_test(without_a_choice_there_is_gl_wherever_it_is),
        cmocka_unit_test(a_context_of_another_thread_sees_the_roots_textures),
        cmocka_unit_test(a_version_that_nobody_has_is_no_context),
        cmocka_unit_test(a_node_that_cannot_serve_is_named_in_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
