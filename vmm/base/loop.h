/* SPDX-License-Identifier: MIT */
/*
 * The event loop: epoll over sources that their owners embed, so adding one allocates nothing.
 *
 * A loop belongs to the thread that runs it. Everything here is called on that thread (or before it
 * runs, or after it ended), except loop_post() and loop_quit(), which any thread may call.
 * Callbacks run on the loop's thread and may add and remove any source, their own included.
 */
#ifndef VITRINE_BASE_LOOP_H
#define VITRINE_BASE_LOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/base/list.h"

struct loop;

/* NULL where the kernel gives no epoll or eventfd (errno says why). */
struct loop *loop_create(void);
/* Accepts NULL. A source that is still registered is a bug, and aborts. */
void loop_destroy(struct loop *loop);

/* Runs until loop_quit(); a quit that came before makes it return at once. */
void loop_run(struct loop *loop);
/* Waits for events at most timeout_ms (-1: for ever, 0: not at all) and dispatches them once. */
void loop_run_once(struct loop *loop, int timeout_ms);
void loop_quit(struct loop *loop);

/* A file descriptor to watch. Zero-initialised, it is not registered. */
struct loop_fd {
    struct loop *loop;
    int fd;
    void (*cb)(struct loop_fd *source, uint32_t events);
};

/* Watches fd (not owned) for epoll events. 0 or a negative errno. */
int loop_fd_add(struct loop *loop, struct loop_fd *source, int fd, uint32_t events,
                void (*cb)(struct loop_fd *source, uint32_t events));
int loop_fd_modify(struct loop_fd *source, uint32_t events);
/* Harmless on a source that is not registered; events of it that were already fetched are dropped. */
void loop_fd_remove(struct loop_fd *source);

/* A one-shot timer on CLOCK_MONOTONIC. */
struct loop_timer {
    struct loop_fd source;
    void (*cb)(struct loop_timer *timer);
    uint64_t due_ns;   /* when cb is to be called; 0: it is not set */
    uint64_t armed_ns; /* when the kernel wakes us, at due_ns or before; 0: never */
};

/* CLOCK_MONOTONIC, which the timers go by. Any thread. */
uint64_t loop_now_ns(void);

int loop_timer_add(struct loop *loop, struct loop_timer *timer,
                   void (*cb)(struct loop_timer *timer));
/* Fires once in delay_ns (at least 1); replaces what was set before. One that is put off again and again
 * costs two system calls in each delay_ns, not one each time. */
void loop_timer_set(struct loop_timer *timer, uint64_t delay_ns);
void loop_timer_cancel(struct loop_timer *timer);
void loop_timer_remove(struct loop_timer *timer);

/* Work handed to the loop, from any thread; at most once in the loop's queue at a time. Posting
 * orders memory: what was written before loop_post() is seen by the callback. */
struct loop_task {
    struct list link;
    bool queued; /* guarded by the loop's lock, like link */
    void (*cb)(struct loop_task *task);
};

/* Sets the callback; no registration. */
void loop_task_init(struct loop_task *task, void (*cb)(struct loop_task *task));
void loop_post(struct loop *loop, struct loop_task *task);
/* On the loop's thread: takes the task back if it is queued. */
void loop_task_cancel(struct loop *loop, struct loop_task *task);

/* Called each time before the loop goes to sleep: the place to flush what was batched. */
struct loop_prepare {
    struct list link;
    void (*cb)(struct loop_prepare *prepare);
};

void loop_prepare_add(struct loop *loop, struct loop_prepare *prepare,
                      void (*cb)(struct loop_prepare *prepare));
void loop_prepare_remove(struct loop_prepare *prepare);

/* Signals, taken by signalfd; they are blocked for the calling thread and those it starts later. */
struct loop_signals {
    struct loop_fd source;
    void (*cb)(struct loop_signals *signals, int signo);
};

/* signos ends with 0. */
int loop_signals_add(struct loop *loop, struct loop_signals *signals, const int *signos,
                     void (*cb)(struct loop_signals *signals, int signo));
void loop_signals_remove(struct loop_signals *signals);

/* A thread that runs a loop of its own. */
struct loop_thread {
    pthread_t thread;
    struct loop *loop;
};

/* The loop alone, for sources to be added while it does not run; then the thread. name: at most 15
 * bytes. 0 or a negative errno. */
int loop_thread_create(struct loop_thread *thread);
int loop_thread_run(struct loop_thread *thread, const char *name);
/* Both. 0, or a negative errno with nothing to finish. */
int loop_thread_start(struct loop_thread *thread, const char *name);
/* Quits the loop and joins the thread; the loop itself stays, for its sources to be removed. */
void loop_thread_stop(struct loop_thread *thread);
/* Without a thread, or after loop_thread_stop(): destroys the loop. Harmless on a zeroed structure. */
void loop_thread_finish(struct loop_thread *thread);

#endif
