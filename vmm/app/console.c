// SPDX-License-Identifier: MIT
/*
 * Output waits in the serial port until the host's end can take it: at most PIPE_BUF bytes for each
 * time that epoll says writable, which a pipe or terminal then takes without blocking. (O_NONBLOCK
 * would change the shared open file of other programs.) A regular file never blocks and is written
 * at once; where there is no end, output is taken and dropped.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <termios.h>
#include <unistd.h>

#define LOG_MODULE "console"
#include "vmm/app/console.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define ESCAPE 0x01 /* Ctrl-A */

struct console {
    struct loop *loop;
    const struct console_events *events;
    void *data;
    int in_fd, out_fd; /* -1: none */
    bool owns_out;
    bool out_polled; /* out_fd can be watched; a regular file can't, and never blocks */
    struct loop_fd in_source, out_source;
    struct loop_task flush, refill;
    bool escaped;      /* the last byte typed was ESCAPE */
    char pending[256]; /* typed, not yet taken by the guest */
    size_t n_pending;
};

/* The terminal's settings are restored from a signal handler too, hence outside of the structure. */
static struct termios saved_termios;
static volatile sig_atomic_t termios_changed;

static void terminal_restore(void)
{
    if (termios_changed) {
        termios_changed = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &saved_termios);
    }
}

static void restore_and_die(int signo)
{
    terminal_restore();
    signal(signo, SIG_DFL);
    raise(signo);
}

static void terminal_raw(void)
{
    /* In the background, touching the terminal would stop the whole process. */
    if (!isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) != getpgrp() ||
        tcgetattr(STDIN_FILENO, &saved_termios) < 0)
        return;
    static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE, SIGQUIT };
    for (size_t i = 0; i < ARRAY_LEN(fatal); i++)
        signal(fatal[i], restore_and_die);
    atexit(terminal_restore);
    termios_changed = 1;
    struct termios raw = saved_termios;
    cfmakeraw(&raw);
    raw.c_oflag |= OPOST; /* our own messages go to the same terminal */
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    log_info("the terminal is the guest's serial console; Ctrl-A x stops the VM");
}

static void out_lost(struct console *c)
{
    log_warn("nobody reads the serial console any more; its output is dropped");
    loop_fd_remove(&c->out_source);
    if (c->owns_out)
        close(c->out_fd);
    c->out_fd = -1;
    loop_post(c->loop, &c->flush); /* the guest's transmitter must not stay busy */
}

static void out_writable(struct loop_fd *source, uint32_t events)
{
    struct console *c = container_of(source, struct console, out_source);
    char chunk[PIPE_BUF];
    size_t n = events & EPOLLERR ? 0 : c->events->output(c->data, chunk, sizeof(chunk));
    if (events & EPOLLERR || (n > 0 && fd_write_full(c->out_fd, chunk, n) < 0)) {
        out_lost(c);
        return;
    }
    if (n == 0)
        loop_fd_remove(source);
}

static void flush_output(struct loop_task *task)
{
    struct console *c = container_of(task, struct console, flush);
    if (c->out_polled && c->out_fd >= 0) {
        if (c->out_source.loop ||
            loop_fd_add(c->loop, &c->out_source, c->out_fd, EPOLLOUT, out_writable) == 0)
            return;
        c->out_polled = false; /* epoll refuses files that never block */
    }
    char chunk[PIPE_BUF];
    size_t n;
    while ((n = c->events->output(c->data, chunk, sizeof(chunk))) > 0) {
        if (c->out_fd >= 0 && fd_write_full(c->out_fd, chunk, n) < 0)
            out_lost(c);
    }
}

void console_output_ready(struct console *c)
{
    loop_post(c->loop, &c->flush);
}

static void offer_pending(struct console *c)
{
    size_t taken = c->events->input(c->data, c->pending, c->n_pending);
    memmove(c->pending, c->pending + taken, c->n_pending - taken);
    c->n_pending -= taken;
}

/* Ctrl-A begins a command: x stops the VM, Ctrl-A again is the key itself, others are dropped. */
static void typed(struct console *c, char byte)
{
    if (c->escaped) {
        c->escaped = false;
        if (byte == 'x')
            c->events->stop(c->data);
        else if (byte == ESCAPE)
            c->pending[c->n_pending++] = byte;
        return;
    }
    if (byte == ESCAPE && termios_changed)
        c->escaped = true;
    else
        c->pending[c->n_pending++] = byte;
}

static void in_readable(struct loop_fd *source, uint32_t events)
{
    struct console *c = container_of(source, struct console, in_source);
    char bytes[sizeof(c->pending)];
    ssize_t n = read(source->fd, bytes, sizeof(bytes) - c->n_pending);
    if (n <= 0) {
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        loop_fd_remove(source); /* the end of a pipe, or the terminal hung up */
        c->in_fd = -1;
        return;
    }
    for (ssize_t i = 0; i < n; i++)
        typed(c, bytes[i]);
    offer_pending(c);
    if (c->n_pending == sizeof(c->pending))
        loop_fd_remove(
            source); /* until console_input_ready(); a hang-up would fire all the while */
}

static void refill_input(struct loop_task *task)
{
    struct console *c = container_of(task, struct console, refill);
    if (c->n_pending == 0)
        return;
    offer_pending(c);
    if (c->n_pending < sizeof(c->pending) && !c->in_source.loop && c->in_fd >= 0)
        loop_fd_add(c->loop, &c->in_source, c->in_fd, EPOLLIN, in_readable);
}

void console_input_ready(struct console *c)
{
    loop_post(c->loop, &c->refill);
}

struct console *console_create(struct loop *loop, enum serial_kind kind, const char *path,
                               const struct console_events *events, void *data)
{
    struct console *c = calloc(1, sizeof(*c));
    if (!c) {
        log_error("out of memory");
        return NULL;
    }
    c->loop = loop;
    c->events = events;
    c->data = data;
    c->in_fd = c->out_fd = -1;
    loop_task_init(&c->flush, flush_output);
    loop_task_init(&c->refill, refill_input);

    if (kind == SERIAL_FILE) {
        c->out_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666);
        if (c->out_fd < 0) {
            log_error("--serial file=%s: %s", path, strerror(errno));
            console_destroy(c);
            return NULL;
        }
        c->owns_out = true;
    } else if (kind == SERIAL_STDIO) {
        c->out_fd = STDOUT_FILENO;
        c->in_fd = STDIN_FILENO;
        terminal_raw();
        /* epoll refuses regular files (EPERM); a file as input has no later to wait for. */
        if (loop_fd_add(loop, &c->in_source, c->in_fd, EPOLLIN, in_readable) < 0)
            c->in_fd = -1;
    }
    c->out_polled = true;
    return c;
}

/* At the end there is no loop to wait in; a reader that takes nothing for half a second gets no more. */
static void write_rest(struct console *c)
{
    char chunk[PIPE_BUF];
    size_t n;
    while (c->out_fd >= 0 && (n = c->events->output(c->data, chunk, sizeof(chunk))) > 0) {
        struct pollfd writable = { .fd = c->out_fd, .events = POLLOUT };
        if (poll(&writable, 1, 500) <= 0 || fd_write_full(c->out_fd, chunk, n) < 0)
            return;
    }
}

void console_destroy(struct console *c)
{
    if (!c)
        return;
    loop_task_cancel(c->loop, &c->flush);
    loop_task_cancel(c->loop, &c->refill);
    loop_fd_remove(&c->in_source);
    loop_fd_remove(&c->out_source);
    write_rest(c);
    terminal_restore();
    if (c->owns_out && c->out_fd >= 0)
        close(c->out_fd);
    free(c);
}
