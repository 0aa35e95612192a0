// SPDX-License-Identifier: MIT
#include <errno.h>
#include <fcntl.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/app/png_file.h"

#define W 37u
#define H 11u

static void what_is_written_is_read_again(void **state)
{
    char path[] = "/tmp/vitrine-png.XXXXXX";
    uint32_t pixels[W * H], was[W * H];
    uint8_t read[W * H * 3];
    png_image image = { .version = PNG_IMAGE_VERSION };
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    for (uint32_t i = 0; i < W * H; i++)
        pixels[i] = 0xaa000000u | i * 2654435761u >> 8; /* what X is says nothing */
    memcpy(was, pixels, sizeof(was));
    assert_int_equal(png_file_write(path, pixels, W, H), 0);
    assert_int_equal(png_image_begin_read_from_file(&image, path), 1);
    assert_int_equal(image.width, W);
    assert_int_equal(image.height, H);
    assert_false(image.format & PNG_FORMAT_FLAG_ALPHA);
    image.format = PNG_FORMAT_RGB;
    assert_int_equal(png_image_finish_read(&image, NULL, read, 0, NULL), 1);
    for (uint32_t i = 0; i < W * H; i++) {
        uint32_t pixel =
            (uint32_t)read[i * 3] << 16 | (uint32_t)read[i * 3 + 1] << 8 | read[i * 3 + 2];
        assert_int_equal(pixel, was[i] & 0xffffff);
    }
    unlink(path);
}

static void what_cannot_be_written_is_an_error(void **state)
{
    static uint32_t pixels[W * H];
    assert_int_equal(png_file_write("/nowhere/picture.png", pixels, W, H), -ENOENT);
    assert_int_equal(png_file_write("/", pixels, W, H), -EISDIR);
    assert_int_equal(png_file_write("/dev/full", pixels, W, H), -ENOSPC);
    assert_int_equal(access("/dev/full", F_OK), 0);
}

static void a_pipe_is_not_waited_for(void **state)
{
    char dir[] = "/tmp/vitrine-png.XXXXXX", path[40];
    uint32_t *pixels = calloc(512 * 512, sizeof(*pixels)), noise = 1;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(png_file_write(path, pixels, 512, 512), -ENXIO);
    int reader = open(path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    for (unsigned i = 0; i < 512 * 512; i++) /* more than a pipe holds */
        pixels[i] = noise = noise * 1664525u + 1013904223u;
    assert_true(png_file_write(path, pixels, 512, 512) < 0);
    assert_int_equal(access(path, F_OK), 0);
    close(reader);
    unlink(path);
    rmdir(dir);
    free(pixels);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(what_cannot_be_written_is_an_error),
        cmocka_unit_test(a_pipe_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
