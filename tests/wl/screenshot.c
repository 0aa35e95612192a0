// SPDX-License-Identifier: MIT
#include "tests/wl/screenshot.h"

#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "tests/wl/fixture.h"

extern char **environ;

uint8_t *screenshot_take(struct fixture *f, unsigned *width, unsigned *height)
{
    char *argv[] = { (char *)"weston-screenshooter", NULL };
    char pattern[100], command[400];
    glob_t found;
    pid_t pid;
    int status;
    char dir[] = "/tmp/vitrine-picture-XXXXXX";
    assert_non_null(mkdtemp(dir));
    setenv("XDG_PICTURES_DIR", dir, 1);
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ), 0);
    while (waitpid(pid, &status, WNOHANG) == 0)
        loop_run_once(f->loop, 10);
    assert_int_equal(status, 0);
    snprintf(pattern, sizeof(pattern), "%s/*.png", dir);
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    snprintf(command, sizeof(command),
             "if command -v pngtopnm >/dev/null; then pngtopnm '%s'; "
             "else python3 '%s' '%s'; fi",
             found.gl_pathv[0], PNG_RGB, found.gl_pathv[0]);
    FILE *rgb = popen(command, "r");
    assert_non_null(rgb);
    assert_int_equal(fscanf(rgb, "P6 %u %u 255", width, height), 2);
    assert_int_equal(fgetc(rgb), '\n');
    size_t size = (size_t)*width * *height * 3;
    uint8_t *pixels = malloc(size);
    assert_int_equal(fread(pixels, 1, size, rgb), size);
    assert_int_equal(pclose(rgb), 0);
    unlink(found.gl_pathv[0]);
    globfree(&found);
    assert_int_equal(chdir("/"), 0);
    rmdir(dir);
    return pixels;
}
