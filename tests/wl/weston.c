// SPDX-License-Identifier: MIT
#include "tests/wl/weston.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/wl/fixture.h"

#define START_MS 20000

bool weston_is_here(void)
{
    if (system("command -v weston >/dev/null") == 0)
        return true;
    printf("weston is not installed: nothing to test against\n");
    return false;
}

/* No panel: newer ones keep it over a fullscreen window that has no focus, as without a seat none has. And
 * no fading in, during which no pixel is right. */
static void write_config(const char *path)
{
    FILE *file = fopen(path, "we");
    if (!file)
        return;
    fputs("[shell]\npanel-position=none\nstartup-animation=none\n", file);
    fclose(file);
}

static void exec_weston(const struct weston *weston, const char *scale)
{
    char log[100], config[100];
    int null = open("/dev/null", O_RDWR);
    dup2(null, STDOUT_FILENO); /* its helpers complain when it ends */
    dup2(null, STDERR_FILENO);
    snprintf(log, sizeof(log), "--log=%s/log", weston->dir);
    snprintf(config, sizeof(config), "--config=%s/weston.ini", weston->dir);
    write_config(strchr(config, '/'));
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("NOTIFY_SOCKET", weston->notify, 1);
    unsetenv("WAYLAND_DISPLAY");
    unsetenv("WAYLAND_SOCKET");
    execlp("weston", "weston", config, "--backend=headless-backend.so", "--use-pixman",
           "--width=640", "--height=480", "--socket=wayland-test", "--modules=systemd-notify.so",
           "--idle-time=0", "--debug", scale, log, (char *)NULL);
    _exit(127);
}

/* Waits for weston's READY=1. */
static bool weston_ready(const struct weston *weston)
{
    int64_t deadline = fixture_now_ms() + START_MS;
    for (;;) {
        struct pollfd pfd = { .fd = weston->notify_fd, .events = POLLIN };
        int64_t left = deadline - fixture_now_ms();
        char text[256] = "";
        if (left <= 0 || poll(&pfd, 1, (int)left) <= 0)
            return false;
        if (recv(weston->notify_fd, text, sizeof(text) - 1, 0) > 0 && strstr(text, "READY=1"))
            return true;
    }
}

static int start(void **state, const char *scale)
{
    struct weston *weston = calloc(1, sizeof(*weston));
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    snprintf(weston->dir, sizeof(weston->dir), "/tmp/vitrine-wl-XXXXXX");
    if (!mkdtemp(weston->dir))
        return -1;
    snprintf(weston->notify, sizeof(weston->notify), "%s/notify", weston->dir);
    memcpy(addr.sun_path, weston->notify, strlen(weston->notify));
    weston->notify_fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (bind(weston->notify_fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
        return -1;
    setenv("XDG_RUNTIME_DIR", weston->dir, 1);
    setenv("WAYLAND_DISPLAY", "wayland-test", 1);
    unsetenv("WAYLAND_SOCKET");
    weston->pid = fork();
    if (weston->pid == 0)
        exec_weston(weston, scale);
    *state = weston;
    return weston_ready(weston) ? 0 : -1;
}

int weston_start(void **state)
{
    return start(state, "--scale=1");
}

int weston_start_scaled(void **state)
{
    return start(state, "--scale=2");
}

void weston_end(struct weston *weston, int signal)
{
    if (weston->pid <= 0)
        return;
    kill(weston->pid, signal);
    waitpid(weston->pid, NULL, 0);
    weston->pid = 0;
}

static void remove_dir(const char *path)
{
    DIR *dir = opendir(path);
    if (!dir)
        return;
    for (struct dirent *entry; (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0);
    closedir(dir);
    rmdir(path);
}

int weston_stop(void **state)
{
    struct weston *weston = *state;
    if (!weston)
        return 0;
    weston_end(weston, SIGTERM);
    close(weston->notify_fd);
    remove_dir(weston->dir);
    free(weston);
    return 0;
}
