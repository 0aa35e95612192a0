/* SPDX-License-Identifier: MIT */
/*
 * Messages for the person who runs the VM, on stderr, one line each: "vitrine: module: text".
 *
 * A file defines LOG_MODULE before including this header. The class says whose fault a message is:
 * error and warn speak of the host (its kernel, files, compositor, user), guest of something that
 * the guest did wrong, bug of our own mistake. Any thread may log; a line is written whole.
 */
#ifndef VITRINE_BASE_LOG_H
#define VITRINE_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Messages above this level are dropped; LOG_INFO at start. Any thread. */
void log_set_level(enum log_level level);
enum log_level log_get_level(void);

/* Written in front of each line after "vitrine", e.g. " gpu"; the string is kept, not copied. */
void log_set_process(const char *name);

void log_line(enum log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* At most a burst of 10 messages, then one a second; says how many were dropped in between. */
struct log_ratelimit {
    int64_t tokens_at_ns; /* guarded by the log's own lock */
    unsigned tokens;
    unsigned dropped;
    bool started;
};
void log_line_limited(struct log_ratelimit *limit, enum log_level level, const char *module,
                      const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* Says that an invariant of ours is broken, and aborts. Never for anything that a guest, an image,
 * a socket or a compositor can cause. */
void log_bug_abort(const char *module, const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 4, 5), noreturn));

#ifdef LOG_MODULE
#define log_error(...) log_line(LOG_ERROR, LOG_MODULE, __VA_ARGS__)
#define log_warn(...) log_line(LOG_WARN, LOG_MODULE, __VA_ARGS__)
#define log_info(...) log_line(LOG_INFO, LOG_MODULE, __VA_ARGS__)
#define log_debug(...)                                                                             \
    do {                                                                                           \
        if (log_get_level() >= LOG_DEBUG)                                                          \
            log_line(LOG_DEBUG, LOG_MODULE, __VA_ARGS__);                                          \
    } while (0)
/* The guest did something wrong; rate-limited for each place that says so. */
#define log_guest(...)                                                                             \
    do {                                                                                           \
        static struct log_ratelimit log_limit_;                                                    \
        log_line_limited(&log_limit_, LOG_WARN, LOG_MODULE, "guest: " __VA_ARGS__);                \
    } while (0)
/* A mistake of ours that can be survived; rate-limited likewise. */
#define log_bug(...)                                                                               \
    do {                                                                                           \
        static struct log_ratelimit log_limit_;                                                    \
        log_line_limited(&log_limit_, LOG_ERROR, LOG_MODULE, "bug: " __VA_ARGS__);                 \
    } while (0)
#define BUG(...) log_bug_abort(LOG_MODULE, __FILE__, __LINE__, __VA_ARGS__)
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            BUG("%s", #cond);                                                                      \
    } while (0)
/* From now on this thread's next error line is copied to text too, without what comes in front of its message, so
 * that somebody else can be told; NULL: no more. */
void log_catch(char *text, size_t size);

#endif

#endif
