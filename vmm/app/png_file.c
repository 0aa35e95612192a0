// SPDX-License-Identifier: MIT
#include "vmm/app/png_file.h"

#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"

/* Of what is to be read once, speed counts. */
#define COMPRESSION 1

/* Takes the byte that says nothing out of each pixel. */
static void pack(uint32_t *pixels, size_t n)
{
    uint8_t *to = (uint8_t *)pixels;
    for (size_t i = 0; i < n; i++) {
        uint32_t pixel = pixels[i];
        *to++ = (uint8_t)pixel;
        *to++ = (uint8_t)(pixel >> 8);
        *to++ = (uint8_t)(pixel >> 16);
    }
}

int png_file_write(const char *path, uint32_t *pixels, uint32_t width, uint32_t height)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION,
        .width = width,
        .height = height,
        .format = PNG_FORMAT_BGR,
        .flags = PNG_IMAGE_FLAG_FAST,
    };
    /* A pipe that nobody reads would be waited for, and the VM's end for us. */
    autoclose int fd =
        open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file)
        return -errno;
    steal_fd(&fd);
    struct stat st;
    pack(pixels, (size_t)width * height);
    bool regular = fstat(fileno(file), &st) == 0 && S_ISREG(st.st_mode);
    errno = 0;
    bool ok = png_image_write_to_stdio(&image, file, 0, pixels, 0, NULL);
    int err = errno ? -errno : -EIO;
    if (fclose(file) != 0 && ok) {
        err = -errno;
        ok = false;
    }
    if (!ok && regular)
        unlink(path);
    return ok ? 0 : err;
}
