/* SPDX-License-Identifier: MIT */
/* A GPU process's buffer with which nothing is wrong, for a test to spoil. */
#ifndef VITRINE_TESTS_DEVICE_GOOD_BUFFER_H
#define VITRINE_TESTS_DEVICE_GOOD_BUFFER_H

#include <drm_fourcc.h>

#include "gpu/channel_wire.h"

/* 16×16 pixels in shared memory; it takes an fd of a page. */
static inline struct channel_buffer_new good_buffer(uint32_t slot, uint32_t serial)
{
    return (struct channel_buffer_new){
        .head.type = CHANNEL_BUFFER_NEW,
        .slot = slot,
        .serial = serial,
        .kind = FRAME_BUFFER_SHM,
        .path = FRAME_PATH_SHM,
        .width = 16,
        .height = 16,
        .fourcc = DRM_FORMAT_XRGB8888,
        .n_planes = 1,
        .plane[0].stride = 64,
    };
}

#endif
