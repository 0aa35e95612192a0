// SPDX-License-Identifier: MIT
/*
 * stage COMMAND...: a compositor for one client, COMMAND, that whoever writes to its standard input
 * directs: the tests of this folder, which want a user and a picture where there is neither a seat nor
 * a screen. It repaints 60 times a second, takes shm buffers only, and answers each line on its
 * standard output by "ok", with what was asked for, or "no" and the reason:
 *
 *     size                the size of what the window shows, as WxH
 *     shot FILE           that, as a PPM
 *     enter X Y           the window gets the keyboard's focus, and the pointer at X, Y
 *     key CODE 0|1        a key of linux/input-event-codes.h
 *     move X Y, button CODE 0|1
 *     title               the window's
 *     close               the user closes the window
 *     see 0|1             whether the windows are seen: one that is not has no frame callbacks
 *     every N K           window N, from 0, is repainted by every K-th repaint only; 0: it is not seen
 *     counts              for each window its commits and its frame callbacks, as N/M
 *
 * When COMMAND has ended, the last line is "exit STATUS", and that is the stage's exit status too.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xdg-shell-server.h"

#define LOG_MODULE "stage"
#include "tests/wl/compositor.h"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define REPAINT_NS 16666667ull
#define WINDOWS_MAX 8

struct stage {
    struct loop *loop;
    struct compositor *compositor;
    struct loop_timer repaint;
    struct loop_fd input, child_source;
    pid_t child;
    int status;
    bool unseen;
    unsigned repaints;
    struct {
        int every; /* repaints */
        unsigned callbacks;
    } window[WINDOWS_MAX];
};

/* What the window shows; NULL: nothing. */
static struct wl_shm_buffer *shown(const struct stage *stage)
{
    struct compositor_surface *window = compositor_window(stage->compositor, 0);
    return window && window->buffer ? wl_shm_buffer_get(window->buffer) : NULL;
}

static const char *save(struct wl_shm_buffer *buffer, const char *path)
{
    int32_t width = wl_shm_buffer_get_width(buffer), height = wl_shm_buffer_get_height(buffer);
    FILE *file = fopen(path, "we");
    if (!file)
        return strerror(errno);
    fprintf(file, "P6\n%d %d\n255\n", width, height);
    wl_shm_buffer_begin_access(buffer);
    const char *pixels = wl_shm_buffer_get_data(buffer);
    for (int32_t y = 0; y < height; y++) {
        const char *row = pixels + (ptrdiff_t)y * wl_shm_buffer_get_stride(buffer);
        for (int32_t x = 0; x < width; x++)
            fwrite((const char[]){ row[4 * x + 2], row[4 * x + 1], row[4 * x] }, 3, 1, file);
    }
    wl_shm_buffer_end_access(buffer);
    return fclose(file) == 0 ? NULL : strerror(errno);
}

static void enter(struct stage *stage, struct compositor_surface *window, int x, int y)
{
    struct compositor_seat *seat = &stage->compositor->seat[0];
    compositor_keyboard_enter(seat, window, NULL, 0);
    wl_pointer_send_enter(seat->pointer, ++stage->compositor->serial, window->resource,
                          wl_fixed_from_int(x), wl_fixed_from_int(y));
    wl_pointer_send_frame(seat->pointer);
}

static void print_counts(struct stage *stage)
{
    struct compositor_surface *window;
    printf("ok");
    for (unsigned i = 0; i < WINDOWS_MAX && (window = compositor_window(stage->compositor, i)); i++)
        printf(" %u/%u", window->commits, stage->window[i].callbacks);
    puts("");
}

/* NULL: done. */
static const char *act(struct stage *stage, const char *line)
{
    struct compositor_seat *seat = &stage->compositor->seat[0];
    struct compositor_surface *window = compositor_window(stage->compositor, 0);
    struct wl_shm_buffer *buffer = shown(stage);
    char path[256];
    int x, y;

    if (!window || !seat->keyboard || !seat->pointer)
        return "there is no window yet";
    if (strcmp(line, "size") == 0) {
        if (!buffer)
            return "the window shows nothing";
        printf("ok %dx%d\n", wl_shm_buffer_get_width(buffer), wl_shm_buffer_get_height(buffer));
        return NULL;
    }
    if (strcmp(line, "title") == 0) {
        printf("ok %s\n", window->title);
        return NULL;
    }
    if (strcmp(line, "counts") == 0) {
        print_counts(stage);
        return NULL;
    }
    if (sscanf(line, "shot %255s", path) == 1) {
        const char *error = buffer ? save(buffer, path) : "the window shows nothing";
        if (error)
            return error;
    } else if (sscanf(line, "enter %d %d", &x, &y) == 2) {
        enter(stage, window, x, y);
    } else if (sscanf(line, "key %d %d", &x, &y) == 2) {
        compositor_key(seat, (uint32_t)x, y);
    } else if (sscanf(line, "move %d %d", &x, &y) == 2) {
        wl_pointer_send_motion(seat->pointer, 0, wl_fixed_from_int(x), wl_fixed_from_int(y));
        wl_pointer_send_frame(seat->pointer);
    } else if (sscanf(line, "button %d %d", &x, &y) == 2) {
        wl_pointer_send_button(seat->pointer, ++stage->compositor->serial, 0, (uint32_t)x,
                               (uint32_t)y);
        wl_pointer_send_frame(seat->pointer);
    } else if (sscanf(line, "see %d", &x) == 1) {
        stage->unseen = !x;
    } else if (sscanf(line, "every %d %d", &x, &y) == 2 && x >= 0 && x < WINDOWS_MAX && y >= 0) {
        stage->window[x].every = y;
    } else if (strcmp(line, "close") == 0) {
        xdg_toplevel_send_close(window->toplevel);
    } else {
        return "there is no such direction";
    }
    puts("ok");
    return NULL;
}

static void directed(struct loop_fd *source, uint32_t events)
{
    struct stage *stage = container_of(source, struct stage, input);
    char line[512];
    /* A line is written whole, and the next one only after the answer. */
    ssize_t n = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (n <= 0) {
        loop_fd_remove(source);
        kill(stage->child, SIGTERM);
        return;
    }
    line[n] = '\0';
    line[strcspn(line, "\n")] = '\0';
    const char *error = act(stage, line);
    if (error)
        printf("no %s\n", error);
}

static void repaint(struct loop_timer *timer)
{
    struct stage *stage = container_of(timer, struct stage, repaint);
    struct compositor_surface *surface;
    unsigned n = 0;
    stage->repaints++;
    list_for_each(surface, &stage->compositor->surfaces, link) {
        unsigned i = surface->toplevel && n < WINDOWS_MAX ? n++ : WINDOWS_MAX;
        int every = i < WINDOWS_MAX ? stage->window[i].every : 1;
        if (stage->unseen || every == 0 || stage->repaints % (unsigned)every != 0)
            continue;
        if (i < WINDOWS_MAX)
            stage->window[i].callbacks += !list_empty(&surface->callbacks);
        compositor_repaint_surface(surface);
    }
    loop_timer_set(timer, REPAINT_NS);
}

static void child_ended(struct loop_fd *source, uint32_t events)
{
    struct stage *stage = container_of(source, struct stage, child_source);
    int status = 0;
    waitpid(stage->child, &status, 0);
    stage->status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    loop_quit(stage->loop);
}

static void become(char **command)
{
    char text[16];
    int fd = dup(atoi(getenv("WAYLAND_SOCKET"))); /* without close-on-exec */
    snprintf(text, sizeof(text), "%d", fd);
    setenv("WAYLAND_SOCKET", text, 1);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execvp(command[0], command);
    log_error("%s: %s", command[0], strerror(errno));
    _exit(127);
}

int main(int argc, char **argv)
{
    struct compositor_config config = compositor_everything;
    struct stage stage = { .loop = loop_create() };

    if (argc < 2 || !stage.loop) {
        fputs("usage: stage COMMAND [ARG]...\n", stderr);
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (unsigned i = 0; i < WINDOWS_MAX; i++)
        stage.window[i].every = 1;
    config.dmabuf = 0;
    stage.compositor = compositor_create(stage.loop, &config);
    stage.compositor->refresh_ns = REPAINT_NS;
    stage.child = fork();
    if (stage.child == 0)
        become(argv + 1);
    close(stage.compositor->client_fd);
    int pidfd = pidfd_open(stage.child, 0);
    compositor_attend(stage.compositor);
    if (loop_fd_add(stage.loop, &stage.input, STDIN_FILENO, EPOLLIN, directed) < 0 ||
        loop_fd_add(stage.loop, &stage.child_source, pidfd, EPOLLIN, child_ended) < 0 ||
        loop_timer_add(stage.loop, &stage.repaint, repaint) < 0)
        BUG("no loop");
    loop_timer_set(&stage.repaint, REPAINT_NS);
    loop_run(stage.loop);
    printf("exit %d\n", stage.status);

    loop_fd_remove(&stage.input);
    loop_fd_remove(&stage.child_source);
    loop_timer_remove(&stage.repaint);
    compositor_destroy(stage.compositor);
    loop_destroy(stage.loop);
    close(pidfd);
    return stage.status;
}
