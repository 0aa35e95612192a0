/* SPDX-License-Identifier: MIT */
/* DRM devices by the number that the compositor gives them (linux-dmabuf feedback: main_device). */
#ifndef VITRINE_WL_DEVICE_H
#define VITRINE_WL_DEVICE_H

#include <stdbool.h>
#include <sys/types.h>

#define WAYL_DEVICE_PATH_MAX 256

/* The path of the render node of the device that dev is a node of: the compositor may name it by its
 * primary node too. root is what /sys and /dev are looked for in: "" but for tests. False where there is
 * no such device or it has no render node. */
bool wayl_device_render_node(const char *root, dev_t dev, char path[WAYL_DEVICE_PATH_MAX]);

/* Whether two numbers are nodes of one device. */
bool wayl_device_same(const char *root, dev_t a, dev_t b);

#endif
