// SPDX-License-Identifier: MIT
/*
 * A guest draws on while the fences of what it drew before are waited for, by a thread of virglrenderer's.
 * That thread must not ask llvmpipe for a fence of the kernel's, which flushes the context that is being
 * drawn with: about one of 60,000 such submits ended in a crash. Whether it asks is what is tested.
 */
#include <epoxy/egl.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/device/virgl_bed.h"
#include "tests/test.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define OK VIRTIO_GPU_RESP_OK_NODATA
#define ROUNDS 300
#define IN_FLIGHT 8
#define BLITS 16
#define SIDE 64u

/* Small pictures spread over each other: the driver is busy with telling its threads what to draw. */
static size_t blit_words(uint32_t *words)
{
    for (uint32_t i = 0; i < BLITS; i++)
        guest_blit_words(words + i * BLIT_WORDS, 1 + i % 2, SIDE, 2 - i % 2, SIDE / 2);
    return BLITS * BLIT_WORDS;
}

static atomic_uint native_fences;

/* In the place of EGL's. */
static EGLint dup_native_fence(EGLDisplay display, EGLSyncKHR sync)
{
    native_fences++;
    return EGL_NO_NATIVE_FENCE_FD_ANDROID;
}

static void it_draws_on_while_fences_are_waited_for(void **state)
{
    struct bed *bed = *state;
    struct bed_pending pending[IN_FLIGHT];
    uint32_t words[BLITS * BLIT_WORDS];
    size_t n = blit_words(words);

    epoxy_eglDupNativeFenceFDANDROID = dup_native_fence;
    guest_scene(bed, 1, 1, SIDE, SIDE);
    assert_int_equal(guest_texture(bed, 2, SIDE, SIDE), OK);
    assert_int_equal(guest_simple(bed, VIRTIO_GPU_CMD_CTX_ATTACH_RESOURCE, 1, 2), OK);
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct virtio_gpu_ctrl_hdr response = { 0 };
        if (i >= IN_FLIGHT) {
            guest_wait(bed, &pending[i % IN_FLIGHT], &response);
            assert_int_equal(response.type, OK);
            assert_int_equal(response.fence_id, i - IN_FLIGHT + 1);
        }
        pending[i % IN_FLIGHT] = guest_submit_fenced(bed, 1, words, n, i + 1);
    }
    for (unsigned i = ROUNDS; i < ROUNDS + IN_FLIGHT; i++)
        guest_wait(bed, &pending[i % IN_FLIGHT], NULL);
    assert_int_equal(native_fences, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_draws_on_while_fences_are_waited_for, virgl_bed_start,
                                        virgl_bed_stop),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, virgl_bed_create, virgl_bed_destroy);
}
