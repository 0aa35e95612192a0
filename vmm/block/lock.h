/* SPDX-License-Identifier: MIT */
/*
 * Keeps two writers, or a writer and readers, off the same image, as QEMU does it: with locks on single
 * bytes of the open file, one for each thing that its user does (from byte 100) or does not suffer
 * others to do (from byte 200). So QEMU, qemu-img and we see each other.
 */
#ifndef VITRINE_BLOCK_LOCK_H
#define VITRINE_BLOCK_LOCK_H

#include <stdbool.h>

/* Holds for as long as fd's open file does. A file system that knows no locks is taken as it is. False
 * where somebody else's use of the image is in the way, said in one log line that names him where /proc
 * tells. */
bool image_lock(int fd, const char *path, bool read_only);

#endif
