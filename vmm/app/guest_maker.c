// SPDX-License-Identifier: MIT
#include "vmm/app/guest_maker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_MODULE "new"
#include "vmm/app/places.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/block/lock.h"

/* How much of a file says what it is: a kernel's setup header, a partition table, an ext4's superblock. */
#define HEAD_BYTES 2048

static bool has(const unsigned char *head, size_t at, const char *magic, size_t len)
{
    return memcmp(head + at, magic, len) == 0;
}

bool guest_source_find(const char *from, enum guest_source *source)
{
    unsigned char head[HEAD_BYTES] = { 0 };

    if (strcmp(from, "debian") == 0) {
        *source = GUEST_DEBIAN;
        return true;
    }
    autoclose int fd = open(from, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, head, sizeof(head)) < 0) {
        log_error("--from takes debian, a disk image or a kernel; %s: %s", from, strerror(errno));
        return false;
    }
    if (has(head, 0x202, "HdrS", 4) || has(head, 0, "\177ELF", 4))
        *source = GUEST_KERNEL;
    else if (has(head, 0, "QFI\xfb", 4) || has(head, 510, "\x55\xaa", 2) ||
             has(head, 1024 + 56, "\x53\xef", 2))
        *source = GUEST_IMAGE;
    else {
        log_error("--from takes debian, a disk image (raw or qcow2) or a kernel; %s is neither",
                  from);
        return false;
    }
    return true;
}

/* Runs one of the scripts, which says what goes wrong. Ctrl-C is its business: it cleans up, and we end. */
static bool run_script(const char *const *args)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, interrupt, hangup;
    int status = -1;

    sigaction(SIGINT, &ignore, &interrupt);
    sigaction(SIGHUP, &ignore, &hangup);
    pid_t parent = getpid(), child = fork();
    if (child == 0) {
        sigaction(SIGINT, &interrupt, NULL); /* nohup's stay ignored */
        sigaction(SIGHUP, &hangup, NULL);
        sigaction(SIGPIPE, &(struct sigaction){ .sa_handler = SIG_DFL }, NULL);
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() == parent) {
            execv(args[0], (char *const *)args);
            log_error("%s: %s", args[0], strerror(errno));
        }
        _exit(127);
    }
    if (child < 0)
        log_error("%s: %s", args[0], strerror(errno));
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    sigaction(SIGINT, &interrupt, NULL);
    sigaction(SIGHUP, &hangup, NULL);
    if (child > 0 && WIFSIGNALED(status))
        log_error("%s was ended by a signal: %s", args[0], strsignal(WTERMSIG(status)));
    return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Where a script is: with the package, or where the environment says, in a tree of the sources. */
static char *script_path(const char *name)
{
    const char *folder = getenv("VITRINE_LIBEXEC");
    char *path = NULL;

    return asprintf(&path, "%s/%s", folder ? folder : VITRINE_LIBEXEC, name) < 0 ? NULL : path;
}

bool guest_scripts_exist(void)
{
    autofree char *debian = script_path("debian");
    autofree char *image = script_path("image");

    return debian && image && access(debian, X_OK) == 0 && access(image, X_OK) == 0;
}

static char *read_root(const char *folder)
{
    autofree char *path = NULL;
    char line[64] = "";

    if (asprintf(&path, "%s/root", folder) < 0)
        return NULL;
    FILE *file = fopen(path, "re");
    if (file && !fgets(line, sizeof(line), file))
        line[0] = '\0';
    if (file)
        fclose(file);
    unlink(path);
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "/dev/vda", 8) == 0)
        return strdup(line);
    log_error("%s: it does not say where the guest's root is", path);
    return NULL;
}

/* Opens an image that nobody writes to, nor will while it is open: what is copied meanwhile is of one moment. -1: a
 * line said why. */
static int open_image(const char *path)
{
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        log_error("%s: %s", path, strerror(errno));
    return fd >= 0 && image_lock(fd, path, true) ? steal_fd(&fd) : -1;
}

char *guest_make(const char *name, enum guest_source source, const char *from, uint64_t gib)
{
    autofree char *script = script_path(source == GUEST_DEBIAN ? "debian" : "image");
    autofree char *folder = script ? places_data(name) : NULL;
    autofree char *image = NULL;
    autoclose int image_fd = -1;
    char size[24];

    if (!folder)
        return NULL;
    if (access(script, X_OK) < 0) {
        log_error("%s: %s; it comes with the installed package, and VITRINE_LIBEXEC may name the "
                  "folder data/guest of vitrine's sources",
                  script, strerror(errno));
        return NULL;
    }
    snprintf(size, sizeof(size), "%llu", (unsigned long long)gib);
    const char *debian[] = { script, folder, name, size, NULL };
    if (source == GUEST_IMAGE && !(image = realpath(from, NULL))) {
        log_error("%s: %s", from, strerror(errno));
        return NULL;
    }
    if (image)
        image_fd = open_image(image);
    if (image && image_fd < 0)
        return NULL;
    const char *copied[] = { script, folder, image, NULL };
    if (!run_script(source == GUEST_DEBIAN ? debian : copied))
        return NULL;
    char *root = read_root(folder);
    if (!root)
        places_remove_folder(folder);
    return root;
}
