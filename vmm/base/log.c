// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define LOG_MODULE "log"
#include "vmm/base/log.h"

#define LINE_MAX_BYTES 1024
#define BURST 10
#define NS_PER_SEC 1000000000ll

/* The log's level, its prefix, its lock, and who listens are the only mutable globals of the program. */
static atomic_int max_level = LOG_INFO;
static const char *process_name = "";
static _Thread_local char *caught;
static _Thread_local size_t caught_size;
static pthread_mutex_t limit_lock = PTHREAD_MUTEX_INITIALIZER;

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&max_level, (int)level, memory_order_relaxed);
}

enum log_level log_get_level(void)
{
    return (enum log_level)atomic_load_explicit(&max_level, memory_order_relaxed);
}

void log_set_process(const char *name)
{
    process_name = name;
}

void log_catch(char *text, size_t size)
{
    caught = text;
    caught_size = size;
}

static void write_line(enum log_level level, const char *module, const char *fmt, va_list args)
{
    static const char *const words[] = { "error: ", "warning: ", "", "debug: " };
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof(line), "vitrine%s: %s: %s", process_name, module, words[level]);
    size_t used = (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;
    n = vsnprintf(line + used, sizeof(line) - used, fmt, args);
    if (caught && level == LOG_ERROR && n >= 0) {
        snprintf(caught, caught_size, "%s", line + used);
        caught = NULL;
    }
    if (n > 0)
        used = used + (size_t)n < sizeof(line) ? used + (size_t)n : sizeof(line) - 1;
    if (used == sizeof(line) - 1)
        used--;
    line[used++] = '\n';
    /* One write, so that lines of several threads and processes do not mix. A log that can't be
     * written has nobody to tell. */
    ssize_t ignored = write(STDERR_FILENO, line, used);
    (void)ignored;
}

void log_line(enum log_level level, const char *module, const char *fmt, ...)
{
    if (level > log_get_level())
        return;
    va_list args;
    va_start(args, fmt);
    write_line(level, module, fmt, args);
    va_end(args);
}

/* Takes a token; returns false where none is left. *dropped is what to report first. */
static bool ratelimit_take(struct log_ratelimit *limit, unsigned *dropped)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    int64_t now = ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
    bool ok = false;

    pthread_mutex_lock(&limit_lock);
    if (!limit->started) {
        *limit = (struct log_ratelimit){ .started = true, .tokens = BURST, .tokens_at_ns = now };
    }
    int64_t gained = (now - limit->tokens_at_ns) / NS_PER_SEC;
    if (gained > 0) {
        limit->tokens = gained >= BURST ? BURST : limit->tokens + (unsigned)gained;
        if (limit->tokens > BURST)
            limit->tokens = BURST;
        limit->tokens_at_ns += gained * NS_PER_SEC;
    }
    if (limit->tokens > 0) {
        limit->tokens--;
        *dropped = limit->dropped;
        limit->dropped = 0;
        ok = true;
    } else {
        limit->dropped++;
    }
    pthread_mutex_unlock(&limit_lock);
    return ok;
}

void log_line_limited(struct log_ratelimit *limit, enum log_level level, const char *module,
                      const char *fmt, ...)
{
    unsigned dropped = 0;
    if (level > log_get_level() || !ratelimit_take(limit, &dropped))
        return;
    if (dropped > 0)
        log_line(level, module, "(%u messages like the next one were dropped)", dropped);
    va_list args;
    va_start(args, fmt);
    write_line(level, module, fmt, args);
    va_end(args);
}

void log_bug_abort(const char *module, const char *file, int line, const char *fmt, ...)
{
    log_line(LOG_ERROR, module, "bug at %s:%d; the next line says which", file, line);
    va_list args;
    va_start(args, fmt);
    write_line(LOG_ERROR, module, fmt, args);
    va_end(args);
    abort();
}
