// SPDX-License-Identifier: MIT
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define LOG_MODULE "loop"
#include "vmm/base/cleanup.h"
#include "vmm/base/fd.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"

#define BATCH 32
#define NS_PER_SEC 1000000000ull

struct loop {
    int epoll_fd;
    int wake_fd; /* eventfd: tasks were posted, or quit */
    unsigned n_sources;
    atomic_bool quit; /* release in loop_quit() pairs with acquire in loop_run() */
    struct epoll_event batch[BATCH];
    int batch_len, batch_pos;
    struct list prepares; /* struct loop_prepare.link */
    pthread_mutex_t lock; /* guards tasks and struct loop_task's fields */
    struct list tasks;    /* struct loop_task.link */
    struct loop_fd wake;
};

/* Runs the tasks that are there. Those posted meanwhile have their turn after the other sources. */
static void loop_woken(struct loop_fd *source, uint32_t events)
{
    struct loop *loop = container_of(source, struct loop, wake);
    struct list due;

    fd_event_take(loop->wake_fd);
    pthread_mutex_lock(&loop->lock);
    list_prepend(&loop->tasks, &due); /* the tasks change heads */
    list_remove(&loop->tasks);
    pthread_mutex_unlock(&loop->lock);
    for (;;) {
        struct loop_task *task = NULL;
        pthread_mutex_lock(&loop->lock);
        if (!list_empty(&due)) {
            task = list_first(&due, struct loop_task, link);
            list_remove(&task->link);
            task->queued = false;
        }
        pthread_mutex_unlock(&loop->lock);
        if (!task)
            return;
        task->cb(task);
    }
}

struct loop *loop_create(void)
{
    struct loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return NULL;
    pthread_mutex_init(&loop->lock, NULL);
    list_init(&loop->prepares);
    list_init(&loop->tasks);
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        loop_fd_add(loop, &loop->wake, loop->wake_fd, EPOLLIN, loop_woken) < 0) {
        int saved = errno;
        loop_destroy(loop);
        errno = saved;
        return NULL;
    }
    return loop;
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    loop_fd_remove(&loop->wake);
    BUG_ON(loop->n_sources > 0);
    BUG_ON(!list_empty(&loop->tasks));
    BUG_ON(!list_empty(&loop->prepares));
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

void loop_run_once(struct loop *loop, int timeout_ms)
{
    struct loop_prepare *prepare, *tmp;
    list_for_each_safe(prepare, tmp, &loop->prepares, link)
        prepare->cb(prepare);

    int n = epoll_wait(loop->epoll_fd, loop->batch, BATCH, timeout_ms);
    if (n < 0) {
        BUG_ON(errno != EINTR);
        return;
    }
    loop->batch_len = n;
    for (loop->batch_pos = 0; loop->batch_pos < loop->batch_len; loop->batch_pos++) {
        struct epoll_event *ev = &loop->batch[loop->batch_pos];
        struct loop_fd *source = ev->data.ptr;
        if (source)
            source->cb(source, ev->events);
    }
    loop->batch_len = loop->batch_pos = 0;
}

void loop_run(struct loop *loop)
{
    while (!atomic_load_explicit(&loop->quit, memory_order_acquire))
        loop_run_once(loop, -1);
    atomic_store_explicit(&loop->quit, false, memory_order_relaxed);
}

void loop_quit(struct loop *loop)
{
    atomic_store_explicit(&loop->quit, true, memory_order_release);
    fd_event_signal(loop->wake_fd);
}

int loop_fd_add(struct loop *loop, struct loop_fd *source, int fd, uint32_t events,
                void (*cb)(struct loop_fd *source, uint32_t events))
{
    BUG_ON(source->loop);
    struct epoll_event ev = { .events = events, .data.ptr = source };
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
        return -errno;
    *source = (struct loop_fd){ .loop = loop, .fd = fd, .cb = cb };
    loop->n_sources++;
    return 0;
}

int loop_fd_modify(struct loop_fd *source, uint32_t events)
{
    struct epoll_event ev = { .events = events, .data.ptr = source };
    if (epoll_ctl(source->loop->epoll_fd, EPOLL_CTL_MOD, source->fd, &ev) < 0)
        return -errno;
    return 0;
}

void loop_fd_remove(struct loop_fd *source)
{
    struct loop *loop = source->loop;
    if (!loop)
        return;
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, source->fd, NULL);
    for (int i = loop->batch_pos + 1; i < loop->batch_len; i++) {
        if (loop->batch[i].data.ptr == source)
            loop->batch[i].data.ptr = NULL;
    }
    source->loop = NULL;
    source->fd = -1;
    loop->n_sources--;
}

uint64_t loop_now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_SEC + (uint64_t)ts.tv_nsec;
}

static void timer_arm(struct loop_timer *timer, uint64_t at_ns)
{
    struct itimerspec spec = {
        .it_value = { .tv_sec = (time_t)(at_ns / NS_PER_SEC),
                      .tv_nsec = (long)(at_ns % NS_PER_SEC) },
    };
    timer->armed_ns = at_ns;
    timerfd_settime(timer->source.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void timer_fired(struct loop_fd *source, uint32_t events)
{
    struct loop_timer *timer = container_of(source, struct loop_timer, source);
    uint64_t expirations;
    /* A change between the expiry and now leaves nothing to read. */
    if (read(source->fd, &expirations, sizeof(expirations)) != (ssize_t)sizeof(expirations))
        return;
    timer->armed_ns = 0;
    if (timer->due_ns > loop_now_ns()) {
        timer_arm(timer, timer->due_ns);
    } else if (timer->due_ns > 0) {
        timer->due_ns = 0;
        timer->cb(timer);
    }
}

int loop_timer_add(struct loop *loop, struct loop_timer *timer,
                   void (*cb)(struct loop_timer *timer))
{
    autoclose int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    int err = loop_fd_add(loop, &timer->source, fd, EPOLLIN, timer_fired);
    if (err < 0)
        return err;
    timer->cb = cb;
    timer->due_ns = timer->armed_ns = 0;
    steal_fd(&fd);
    return 0;
}

/* A timer that is put off stays armed for the earlier time as long as that is far away. */
void loop_timer_set(struct loop_timer *timer, uint64_t delay_ns)
{
    uint64_t now = loop_now_ns();

    if (__builtin_add_overflow(now, MAX(delay_ns, 1ull), &timer->due_ns))
        timer->due_ns = UINT64_MAX;
    if (timer->armed_ns > timer->due_ns || timer->armed_ns < now + delay_ns / 2)
        timer_arm(timer, timer->due_ns);
}

void loop_timer_cancel(struct loop_timer *timer)
{
    timer->due_ns = 0;
    if (timer->armed_ns > 0)
        timer_arm(timer, 0);
}

void loop_timer_remove(struct loop_timer *timer)
{
    int fd = timer->source.fd;
    if (!timer->source.loop)
        return;
    loop_fd_remove(&timer->source);
    close(fd);
}

void loop_task_init(struct loop_task *task, void (*cb)(struct loop_task *task))
{
    *task = (struct loop_task){ .cb = cb };
    list_init(&task->link);
}

void loop_post(struct loop *loop, struct loop_task *task)
{
    pthread_mutex_lock(&loop->lock);
    bool fresh = !task->queued;
    if (fresh) {
        task->queued = true;
        list_append(&loop->tasks, &task->link);
    }
    pthread_mutex_unlock(&loop->lock);
    if (fresh)
        fd_event_signal(loop->wake_fd);
}

void loop_task_cancel(struct loop *loop, struct loop_task *task)
{
    pthread_mutex_lock(&loop->lock);
    if (task->queued) {
        list_remove(&task->link);
        task->queued = false;
    }
    pthread_mutex_unlock(&loop->lock);
}

void loop_prepare_add(struct loop *loop, struct loop_prepare *prepare,
                      void (*cb)(struct loop_prepare *prepare))
{
    prepare->cb = cb;
    list_append(&loop->prepares, &prepare->link);
}

void loop_prepare_remove(struct loop_prepare *prepare)
{
    list_remove(&prepare->link);
}

static void signal_arrived(struct loop_fd *source, uint32_t events)
{
    struct loop_signals *signals = container_of(source, struct loop_signals, source);
    struct signalfd_siginfo info;
    if (read(source->fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
        signals->cb(signals, (int)info.ssi_signo);
}

int loop_signals_add(struct loop *loop, struct loop_signals *signals, const int *signos,
                     void (*cb)(struct loop_signals *signals, int signo))
{
    sigset_t set;
    sigemptyset(&set);
    for (; *signos; signos++)
        sigaddset(&set, *signos);
    int err = pthread_sigmask(SIG_BLOCK, &set, NULL);
    if (err)
        return -err;
    autoclose int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    err = loop_fd_add(loop, &signals->source, fd, EPOLLIN, signal_arrived);
    if (err < 0)
        return err;
    signals->cb = cb;
    steal_fd(&fd);
    return 0;
}

void loop_signals_remove(struct loop_signals *signals)
{
    int fd = signals->source.fd;
    if (!signals->source.loop)
        return;
    loop_fd_remove(&signals->source);
    close(fd);
}

static void *loop_thread_main(void *arg)
{
    loop_run(arg);
    return NULL;
}

int loop_thread_create(struct loop_thread *thread)
{
    thread->loop = loop_create();
    return thread->loop ? 0 : -errno;
}

int loop_thread_run(struct loop_thread *thread, const char *name)
{
    int err = pthread_create(&thread->thread, NULL, loop_thread_main, thread->loop);
    if (err)
        return -err;
    pthread_setname_np(thread->thread, name);
    return 0;
}

int loop_thread_start(struct loop_thread *thread, const char *name)
{
    int err = loop_thread_create(thread);
    if (err < 0)
        return err;
    err = loop_thread_run(thread, name);
    if (err < 0)
        loop_thread_finish(thread);
    return err;
}

void loop_thread_stop(struct loop_thread *thread)
{
    loop_quit(thread->loop);
    pthread_join(thread->thread, NULL);
}

void loop_thread_finish(struct loop_thread *thread)
{
    loop_destroy(thread->loop);
    thread->loop = NULL;
}
