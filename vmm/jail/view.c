// SPDX-License-Identifier: MIT
/*
 * The root of the jail: a tmpfs with the places below bound into it, each where it is outside. It is put
 * together on /proc, which the jail has no use for, and becomes the root; the old one is let go of.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define LOG_MODULE "jail"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/jail/internal.h"

#define BUILD_SITE "/proc"

enum kind {
    LIBRARIES, /* code may be mapped out of it */
    DATA,
    DEVICE,
};

static const struct place {
    const char *path;
    enum kind kind;
} places[] = {
    { "/usr/lib", LIBRARIES },
    { "/usr/lib64", LIBRARIES },
    { "/usr/local/lib", LIBRARIES },
    { "/lib", LIBRARIES },
    { "/lib64", LIBRARIES },
    { "/etc/ld.so.cache", DATA },
    { "/etc/drirc", DATA }, /* Mesa's workarounds */
    { "/usr/share/drirc.d", DATA },
    { "/etc/glvnd", DATA }, /* which EGL there is */
    { "/usr/share/glvnd", DATA },
    { "/usr/share/libdrm", DATA },       /* names of GPUs */
    { "/sys/devices/system/cpu", DATA }, /* how many threads llvmpipe starts */
    { "/dev/null", DEVICE },
    { "/dev/zero", DEVICE },
    { "/dev/urandom", DEVICE },
    { "/dev/udmabuf", DEVICE },
};

/* Where the user's environment says that drivers are: folders, with colons in between. */
static const char *const path_variables[] = {
    "LD_LIBRARY_PATH",
    "LIBGL_DRIVERS_PATH",
    "GBM_BACKENDS_PATH",
    "__EGL_VENDOR_LIBRARY_DIRS",
};

/* Makes the folders above path, which is relative to the new root. */
static bool make_parents(const char *path)
{
    char part[PATH_MAX];

    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0755) < 0 && errno != EEXIST)
            return false;
    }
    return true;
}

static bool make_link(const char *target, const char *path)
{
    return make_parents(path + 1) && (symlink(target, path + 1) == 0 || errno == EEXIST);
}

/* Something to mount on. */
static bool make_target(const char *path, mode_t mode)
{
    if (!make_parents(path + 1))
        return false;
    if (S_ISDIR(mode))
        return mkdir(path + 1, 0755) == 0 || errno == EEXIST;
    autoclose int fd = open(path + 1, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    return fd >= 0;
}

/* A mount of what is at path, everything mounted below it included, that nothing can be written to. */
static int detached_copy(const char *path, enum kind kind)
{
    struct mount_attr attr = { .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID };

    if (kind != LIBRARIES)
        attr.attr_set |= MOUNT_ATTR_NOEXEC;
    if (kind != DEVICE)
        attr.attr_set |= MOUNT_ATTR_NODEV;
    autoclose int fd =
        open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
    if (fd < 0 || mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)) < 0)
        return -1;
    return steal_fd(&fd);
}

/* What isn't there is left out. */
static bool show(const char *path, enum kind kind)
{
    char link[PATH_MAX];
    struct stat st;

    if (lstat(path, &st) < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (S_ISLNK(st.st_mode)) { /* /lib is one to usr/lib, which is shown */
        ssize_t len = readlink(path, link, sizeof(link) - 1);
        if (len < 0)
            return false;
        link[len] = '\0';
        return make_link(link, path);
    }
    autoclose int fd = detached_copy(path, kind);
    return fd >= 0 && make_target(path, st.st_mode) &&
           move_mount(fd, "", AT_FDCWD, path + 1, MOVE_MOUNT_F_EMPTY_PATH) == 0;
}

/* The node, and the folder of its device in sysfs, by which drivers tell what it is. */
static bool show_node(const char *node)
{
    char link[64], device[80], folder[PATH_MAX], target[PATH_MAX];
    struct stat st;

    if (!show(node, DEVICE))
        return false;
    if (stat(node, &st) < 0 || !S_ISCHR(st.st_mode))
        return true; /* whoever opens it says so */
    snprintf(link, sizeof(link), "/sys/dev/char/%u:%u", major(st.st_rdev), minor(st.st_rdev));
    snprintf(device, sizeof(device), "%s/device", link);
    ssize_t len = readlink(link, target, sizeof(target) - 1);
    if (len < 0 || !realpath(device, folder))
        return true;
    target[len] = '\0';
    return show(folder, DATA) && make_link(target, link);
}

static bool show_all_nodes(void)
{
    bool ok = true;
    DIR *dir = opendir("/dev/dri");

    if (!dir)
        return true;
    for (struct dirent *entry = readdir(dir); ok && entry; entry = readdir(dir)) {
        char node[sizeof("/dev/dri/") + sizeof(entry->d_name)];
        snprintf(node, sizeof(node), "/dev/dri/%s", entry->d_name);
        if (strncmp(entry->d_name, "renderD", 7) == 0)
            ok = show_node(node);
    }
    closedir(dir);
    return ok;
}

static bool show_folders(const char *variable)
{
    char folder[PATH_MAX];
    const char *at = getenv(variable);

    while (at && *at) {
        size_t len = strcspn(at, ":");
        snprintf(folder, sizeof(folder), "%.*s", (int)len, at);
        if (folder[0] == '/' && folder[1] && !show(folder, LIBRARIES))
            return false;
        at += len + (at[len] == ':');
    }
    return true;
}

static bool show_everything(const char *render_node)
{
    for (unsigned i = 0; i < ARRAY_LEN(places); i++) {
        if (!show(places[i].path, places[i].kind))
            return false;
    }
    for (unsigned i = 0; i < ARRAY_LEN(path_variables); i++) {
        if (!show_folders(path_variables[i]))
            return false;
    }
    if (!render_node)
        return show_all_nodes();
    return render_node[0] != '/' || show_node(render_node);
}

/* pivot_root() wants a root that is a mount; in a chroot it is none, and another one serves: without
 * capabilities and without a folder that is open, there is no way back out of it. */
static bool change_root(void)
{
    if (syscall(SYS_pivot_root, ".", ".") == 0)
        return umount2(".", MNT_DETACH) == 0 && chdir("/") == 0;
    return errno == EINVAL && chroot(".") == 0 && chdir("/") == 0;
}

bool jail_view(const char *render_node)
{
    struct mount_attr sealed = { .attr_set = MOUNT_ATTR_RDONLY };
    const unsigned long none = MS_NOSUID | MS_NODEV | MS_NOEXEC;

    /* Nothing that is mounted here is to be seen outside. */
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
        mount("jail", BUILD_SITE, "tmpfs", none, "mode=0755,size=1m,nr_inodes=1k") < 0 ||
        chdir(BUILD_SITE) < 0 || !show_everything(render_node) ||
        mount_setattr(AT_FDCWD, ".", 0, &sealed, sizeof(sealed)) < 0 || !change_root()) {
        log_warn("the jail has no root of its own: %s", strerror(errno));
        return false;
    }
    return true;
}
