/* SPDX-License-Identifier: MIT */
/*
 * A stand-in for /dev/udmabuf where there is none: the program's own open64() and ioctl(), which the
 * libraries in it call as well, so it has to be linked with export_dynamic. What is made of it is the
 * memfd itself, whose fences are always signalled. With it llvmpipe (Mesa 25) exports its textures and
 * offers native fences, as it does on a machine that has the device.
 */
#ifndef VITRINE_TESTS_DEVICE_UDMABUF_STANDIN_H
#define VITRINE_TESTS_DEVICE_UDMABUF_STANDIN_H

/* Before the first use of OpenGL; any number of times. */
void udmabuf_standin(void);

#endif
