// SPDX-License-Identifier: MIT
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MODULE "disk"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/block/lock.h"

/* QEMU's include/block/block-common.h (BLK_PERM_*) and block/file-posix.c (RAW_LOCK_*_BASE). */
enum { PERM_READ = 0, PERM_WRITE = 1, PERM_RESIZE = 3 };
#define USED 100
#define NOT_SHARED 200

static bool set_lock(int fd, int byte, short type)
{
    struct flock lock = { .l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Whether somebody else holds the byte. */
static bool held(int fd, int byte)
{
    struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1 };
    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* Whether the open file behind /proc/PID/fdinfo/N has locks. */
static bool has_locks(int proc, const char *pid, const char *fd)
{
    char path[600], line[256];
    snprintf(path, sizeof(path), "%s/fdinfo/%s", pid, fd);
    autoclose int info = openat(proc, path, O_RDONLY | O_CLOEXEC);
    FILE *file = info < 0 ? NULL : fdopen(info, "r");
    if (!file)
        return false;
    steal_fd(&info);
    bool found = false;
    while (!found && fgets(line, sizeof(line), file))
        found = strncmp(line, "lock:", 5) == 0;
    fclose(file);
    return found;
}

/* Whether the process has the image open, and locks on it. */
static bool uses(int proc, const char *pid, const struct stat *image)
{
    char path[600];
    struct stat st;
    snprintf(path, sizeof(path), "%s/fd", pid);
    autoclose int dir_fd = openat(proc, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
    if (!dir)
        return false;
    int fd = steal_fd(&dir_fd);
    bool found = false;
    struct dirent *entry;
    while (!found && (entry = readdir(dir)))
        found = fstatat(fd, entry->d_name, &st, 0) == 0 && st.st_dev == image->st_dev &&
                st.st_ino == image->st_ino && has_locks(proc, pid, entry->d_name);
    closedir(dir);
    return found;
}

static void name_process(int proc, const char *pid, char *name, size_t size)
{
    char path[300], comm[32] = "";
    snprintf(path, sizeof(path), "%s/comm", pid);
    autoclose int fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, comm, sizeof(comm) - 1);
    while (n > 0 && comm[n - 1] == '\n')
        comm[--n] = '\0';
    snprintf(name, size, "%s (process %.10s)", n > 0 ? comm : "a program", pid);
}

/* Locks on open files name no process, so it is looked for among those that we may look at. */
static void name_holder(int image_fd, char *name, size_t size)
{
    struct stat image;
    snprintf(name, size, "another program");
    autoclose int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = proc_fd < 0 || fstat(image_fd, &image) < 0 ? NULL : fdopendir(proc_fd);
    if (!dir)
        return;
    int proc = steal_fd(&proc_fd);
    struct dirent *entry;
    char self[16];
    snprintf(self, sizeof(self), "%d", getpid());
    bool mine = false;
    while ((entry = readdir(dir))) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
            continue;
        if (!uses(proc, entry->d_name, &image))
            continue;
        mine = strcmp(entry->d_name, self) == 0;
        if (mine)
            continue; /* unless nobody else is found: this very fd */
        name_process(proc, entry->d_name, name, size);
        closedir(dir);
        return;
    }
    closedir(dir);
    if (mine)
        snprintf(name, size, "another disk of this machine");
}

bool image_lock(int fd, const char *path, bool read_only)
{
    static const int writer_uses[] = { PERM_READ, PERM_WRITE, PERM_RESIZE };
    static const int nobody_else[] = { PERM_WRITE, PERM_RESIZE };
    char holder[80];
    unsigned n_uses = read_only ? 1 : ARRAY_LEN(writer_uses);
    bool free = true, locked = true;
    /* First say what we do, then look whether somebody minds: of two that come at once, one sees the
     * other. */
    for (unsigned i = 0; i < n_uses; i++)
        locked = locked && set_lock(fd, USED + writer_uses[i], F_RDLCK);
    for (unsigned i = 0; i < ARRAY_LEN(nobody_else); i++)
        locked = locked && set_lock(fd, NOT_SHARED + nobody_else[i], F_RDLCK);
    if (!locked && errno != EAGAIN && errno != EACCES) {
        log_debug("%s: no locks there: %s", path, strerror(errno));
        return true;
    }
    for (unsigned i = 0; i < n_uses; i++)
        free = free && !held(fd, NOT_SHARED + writer_uses[i]);
    for (unsigned i = 0; i < ARRAY_LEN(nobody_else); i++)
        free = free && !held(fd, USED + nobody_else[i]);
    if (locked && free)
        return true;
    name_holder(fd, holder, sizeof(holder));
    log_error("the disk %s is in use by %s: end that, or give a copy", path, holder);
    return false;
}
