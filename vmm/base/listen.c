// SPDX-License-Identifier: MIT
#include "vmm/base/listen.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vmm/base/cleanup.h"

/* Whether somebody listens at addr: 1, 0, or a negative errno where it can't be told. A socket of another
 * type is refused by a listener too, but in words of its own. */
static int ask(const struct sockaddr_un *addr)
{
    autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EPROTOTYPE)
        return 1;
    return errno == ECONNREFUSED || errno == ENOENT ? 0 : -errno;
}

/* Makes room at addr. 0 or a negative errno. */
static int remove_stale(const struct sockaddr_un *addr)
{
    struct stat st;
    if (lstat(addr->sun_path, &st) < 0)
        return 0;
    if (!S_ISSOCK(st.st_mode))
        return -EEXIST;
    int somebody = ask(addr);
    if (somebody)
        return somebody < 0 ? somebody : -EADDRINUSE;
    return unlink(addr->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

bool unix_is_listening(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(addr.sun_path))
        return false;
    strcpy(addr.sun_path, path);
    return ask(&addr) > 0;
}

int unix_listen(const char *path, int backlog)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(addr.sun_path))
        return -ENAMETOOLONG;
    if (!*path) /* which would be a name of another kind */
        return -ENOENT;
    strcpy(addr.sun_path, path);
    int err = remove_stale(&addr);
    if (err < 0)
        return err;
    autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t old = umask(0177);
    int bound = fd < 0 ? -1 : bind(fd, (struct sockaddr *)&addr, sizeof(addr));
    err = -errno;
    umask(old);
    if (bound < 0)
        return err;
    if (listen(fd, backlog) < 0) {
        err = -errno;
        unlink(path);
        return err;
    }
    return steal_fd(&fd);
}

const char *unix_listen_error(int err)
{
    switch (-err) {
    case EADDRINUSE:
        return "another program listens there; choose another path";
    case EEXIST:
        return "something that is no socket is there";
    case ENAMETOOLONG:
        return "a socket's path has at most 107 bytes";
    default:
        return strerror(-err);
    }
}
