// SPDX-License-Identifier: MIT

#include "gpu/frame.h"
#include "tests/test.h"
#include "vmm/base/util.h"

struct maker {
    struct frame_buffer buffer;
    struct frame_import import;
    unsigned released, destroyed, gone;
};

static void on_released(struct frame_buffer *buffer)
{
    container_of(buffer, struct maker, buffer)->released++;
}

static void on_destroy(struct frame_buffer *buffer)
{
    container_of(buffer, struct maker, buffer)->destroyed++;
}

static void on_gone(struct frame_import *import)
{
    container_of(import, struct maker, import)->gone++;
}

static const struct frame_buffer_ops ops = { .released = on_released, .destroy = on_destroy };

static void released_once_when_the_last_lock_goes(void **state)
{
    struct maker m = { 0 };
    frame_buffer_init(&m.buffer, &ops);
    frame_buffer_lock(&m.buffer);
    frame_buffer_lock(&m.buffer);
    frame_buffer_unlock(&m.buffer);
    assert_int_equal(m.released, 0);
    frame_buffer_unlock(&m.buffer);
    assert_int_equal(m.released, 1);
    assert_int_equal(m.destroyed, 0);
    frame_buffer_unref(&m.buffer);
    assert_int_equal(m.destroyed, 1);
}

static void a_lock_keeps_a_buffer_that_its_maker_dropped(void **state)
{
    struct maker m = { .import.buffer_gone = on_gone };
    frame_buffer_init(&m.buffer, &ops);
    m.buffer.import = &m.import;
    frame_buffer_lock(&m.buffer);
    frame_buffer_unref(&m.buffer);
    assert_int_equal(m.destroyed, 0);
    frame_buffer_unlock(&m.buffer);
    assert_int_equal(m.released, 1);
    assert_int_equal(m.gone, 1);
    assert_int_equal(m.destroyed, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(released_once_when_the_last_lock_goes),
        cmocka_unit_test(a_lock_keeps_a_buffer_that_its_maker_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
