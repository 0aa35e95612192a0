// SPDX-License-Identifier: MIT
#include "vmm/app/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOG_MODULE "new"
#include "vmm/app/places.h"
#include "vmm/base/log.h"

FILE *new_file_begin(const char *path, char **made)
{
    FILE *file = NULL;

    if (asprintf(made, "%s.XXXXXX", path) < 0) {
        *made = NULL;
        log_error("out of memory");
        return NULL;
    }
    if (!places_make_folder_of(path))
        return NULL;
    int fd = mkostemp(*made, O_CLOEXEC);
    if (fd < 0 || !(file = fdopen(fd, "w")))
        log_error("%s: %s", *made, strerror(errno));
    return file;
}

bool new_file_finish(FILE *file, const char *made, const char *path)
{
    bool ok = fflush(file) == 0 && fsync(fileno(file)) == 0 && !ferror(file);

    if (fclose(file) != 0 || !ok || link(made, path) < 0) {
        if (errno == EEXIST)
            log_error("%s is there already; `vitrine edit` changes it, `vitrine rm` removes it",
                      path);
        else
            log_error("%s: %s", path, strerror(errno));
        ok = false;
    }
    unlink(made);
    return ok;
}
