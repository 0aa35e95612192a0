// SPDX-License-Identifier: MIT
/*
 * virtiofsd takes a socket that listens. We connect to it before it is started, so nobody else can come
 * first, and the name that the kernel gave it is of no use to anybody. virtiofsd ends when the connection
 * does.
 */
#include "vmm/app/shares.h"

#include <errno.h>
#include <linux/virtio_fs.h>
#include <linux/virtio_ids.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MODULE "share"
#include "vmm/app/helper.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/virtio/vhost_user_frontend.h"

/* One for requests that must not wait behind others, one for the others. */
#define N_QUEUES 2
#define QUEUE_SIZE 1024
#define START_TIMEOUT_MS 10000
#define END_TIMEOUT_MS 1000

struct share {
    const struct share_options *options;
    pid_t pid; /* 0: it does not run */
    char name[16 + SHARE_TAG_MAX];
    struct virtio_fs_config config;
    struct vhost_user_frontend *frontend;
};

struct shares {
    unsigned n;
    struct share share[SHARE_OPTIONS_MAX];
};

/* The front-end has said what happened to it; it is dead, or about to be. */
static void process_died(void *data)
{
    struct share *share = data;
    log_error("virtiofsd is gone; the guest has lost the shared folder '%s'", share->options->tag);
    kill(share->pid, SIGKILL);
    helper_wait(share->pid, END_TIMEOUT_MS);
    share->pid = 0;
}

/* Where distributions have it: beside other programs that nobody starts by hand. */
static const char *const places[] = { "virtiofsd", "/usr/libexec/virtiofsd", "/usr/lib/virtiofsd",
                                      "/usr/lib/qemu/virtiofsd" };

bool shares_possible(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(places); i++)
        if (helper_exists(places[i]))
            return true;
    return false;
}

static int spawn_virtiofsd(pid_t *pid, const char *path, int listener)
{
    char source[PATH_MAX + 8];
    int err = -ENOENT;
    for (unsigned i = 0; i < ARRAY_LEN(places) && err == -ENOENT; i++) {
        /* QEMU's own, until 7.2, has other options than its successor. */
        bool old = strstr(places[i], "/qemu/");
        snprintf(source, sizeof(source), "source=%s", path);
        const char *const args[] = {
            places[i],
            "--fd=" HELPER_FD,
            old ? "-o" : "--shared-dir",
            old ? source : path,
            old ? "-o" : "--log-level",
            old ? "log_level=err" : "error",
            NULL,
        };
        if (i > 0 && access(places[i], X_OK) < 0)
            continue;
        err = helper_spawn(pid, args, listener, -1);
    }
    return err;
}

/* A socket that listens, with the connection `sock` waiting to be accepted. -1 with errno. */
static int listen_for(int sock)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    socklen_t len = sizeof(address.sun_family); /* the kernel finds a name */
    autoclose int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) < 0 ||
        listen(listener, 1) < 0)
        return -1;
    len = sizeof(address);
    if (getsockname(listener, (struct sockaddr *)&address, &len) < 0 ||
        connect(sock, (struct sockaddr *)&address, len) < 0)
        return -1;
    return steal_fd(&listener);
}

static bool is_folder(const struct share_options *options)
{
    struct stat st;
    if (stat(options->path, &st) < 0)
        log_error("--share %s: the folder %s can't be opened: %s", options->tag, options->path,
                  strerror(errno));
    else if (!S_ISDIR(st.st_mode))
        log_error("--share %s: %s is no folder", options->tag, options->path);
    else
        return true;
    return false;
}

static bool share_init(struct share *share, struct loop *loop, const struct share_options *options)
{
    *share = (struct share){ .options = options, .config.num_request_queues = N_QUEUES - 1 };
    memcpy(share->config.tag, options->tag, strlen(options->tag));
    snprintf(share->name, sizeof(share->name), "shared folder %s", options->tag);
    if (!is_folder(options))
        return false;
    autoclose int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    autoclose int listener = sock < 0 ? -1 : listen_for(sock);
    int err = listener < 0 ? -errno : spawn_virtiofsd(&share->pid, options->path, listener);
    if (err < 0) {
        share->pid = 0;
        if (err == -ENOENT)
            log_error("--share: virtiofsd is not installed; on Debian, apt install virtiofsd (12: "
                      "qemu-system-common)");
        else
            log_error("--share: virtiofsd can't be started: %s", strerror(-err));
        return false;
    }
    const struct vhost_user_frontend_params params = {
        .name = share->name,
        .device_id = VIRTIO_ID_FS,
        .n_queues = N_QUEUES,
        .queue_size = QUEUE_SIZE,
        .config_len = sizeof(share->config),
        .config = &share->config,
        .connect_timeout_ms = START_TIMEOUT_MS,
        .died = process_died,
        .data = share,
    };
    /* Ours goes with us: if virtiofsd ends before it accepts, the connection ends. */
    close(steal_fd(&listener));
    share->frontend = vhost_user_frontend_create(loop, steal_fd(&sock), &params);
    if (!share->frontend)
        log_error("--share %s: virtiofsd does not serve %s", options->tag, options->path);
    return share->frontend;
}

struct shares *shares_create(struct loop *loop, const struct shares_options *options)
{
    struct shares *shares = calloc(1, sizeof(*shares));
    if (!shares) {
        log_error("out of memory");
        return NULL;
    }
    for (unsigned i = 0; i < options->n; i++) {
        shares->n++;
        if (!share_init(&shares->share[i], loop, &options->share[i])) {
            shares_destroy(shares);
            return NULL;
        }
    }
    return shares;
}

void shares_destroy(struct shares *shares)
{
    if (!shares)
        return;
    for (unsigned i = 0; i < shares->n; i++) {
        struct share *share = &shares->share[i];
        vhost_user_frontend_destroy(share->frontend);
        if (share->pid > 0)
            helper_wait(share->pid, END_TIMEOUT_MS);
    }
    free(shares);
}

struct virtio_dev *shares_dev(struct shares *shares, unsigned i)
{
    return vhost_user_frontend_dev(shares->share[i].frontend);
}
