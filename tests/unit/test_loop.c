// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/fd.h"
#include "vmm/base/loop.h"

struct watched {
    struct loop_fd source;
    struct watched *victim;
    int fd;
    unsigned fired;
};

static void watched_fired(struct loop_fd *source, uint32_t events)
{
    struct watched *w = container_of(source, struct watched, source);
    fd_event_take(w->fd);
    w->fired++;
    if (w->victim)
        loop_fd_remove(&w->victim->source);
}

static void a_source_removed_by_another_does_not_fire(void **state)
{
    struct loop *loop = loop_create();
    struct watched w[2] = { 0 };
    for (int i = 0; i < 2; i++) {
        w[i].fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
        w[i].victim = &w[1 - i];
        assert_int_equal(loop_fd_add(loop, &w[i].source, w[i].fd, EPOLLIN, watched_fired), 0);
    }
    loop_run_once(loop, 0);
    assert_int_equal(w[0].fired + w[1].fired, 1);
    for (int i = 0; i < 2; i++) {
        loop_fd_remove(&w[i].source);
        close(w[i].fd);
    }
    loop_destroy(loop);
}

struct timed {
    struct loop_timer timer;
    struct loop *loop;
    unsigned fired;
};

static void timer_quits(struct loop_timer *timer)
{
    struct timed *t = container_of(timer, struct timed, timer);
    t->fired++;
    loop_quit(t->loop);
}

static void a_timer_fires_once_and_not_after_cancel(void **state)
{
    struct timed t = { .loop = loop_create() };
    assert_int_equal(loop_timer_add(t.loop, &t.timer, timer_quits), 0);
    loop_timer_set(&t.timer, 1);
    loop_run(t.loop);
    assert_int_equal(t.fired, 1);
    loop_timer_set(&t.timer, 1);
    loop_timer_cancel(&t.timer);
    loop_run_once(t.loop, 5);
    assert_int_equal(t.fired, 1);
    loop_timer_remove(&t.timer);
    loop_destroy(t.loop);
}

#define POSTS 10000

struct posted {
    struct loop_task task;
    struct loop *loop;
    unsigned written, seen, runs; /* written is the poster's, ordered by the post */
    pthread_mutex_t lock;
};

static void a_timer_that_is_put_off_fires_when_it_was_put_off_to(void **state)
{
    struct timed t = { .loop = loop_create() };
    struct timespec begun, ended;

    assert_int_equal(loop_timer_add(t.loop, &t.timer, timer_quits), 0);
    loop_timer_set(&t.timer, 20 * 1000 * 1000);
    clock_gettime(CLOCK_MONOTONIC, &begun);
    loop_timer_set(&t.timer, 30 * 1000 * 1000);
    loop_run(t.loop);
    clock_gettime(CLOCK_MONOTONIC, &ended);
    assert_int_equal(t.fired, 1);
    assert_true((ended.tv_sec - begun.tv_sec) * 1000000000 + ended.tv_nsec - begun.tv_nsec >=
                30 * 1000 * 1000);
    loop_timer_set(&t.timer, 3600ull * 1000000000);
    loop_timer_set(&t.timer, 1000); /* sooner */
    loop_run(t.loop);
    assert_int_equal(t.fired, 2);
    loop_timer_remove(&t.timer);
    loop_destroy(t.loop);
}

struct again {
    struct loop_task task;
    struct loop *loop;
};

static void posts_itself(struct loop_task *task)
{
    struct again *again = container_of(task, struct again, task);
    loop_post(again->loop, task);
}

static void a_task_that_posts_itself_leaves_the_others_their_turn(void **state)
{
    struct again again = { .loop = loop_create() };
    struct watched w = { .fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK) };

    loop_task_init(&again.task, posts_itself);
    loop_post(again.loop, &again.task);
    assert_int_equal(loop_fd_add(again.loop, &w.source, w.fd, EPOLLIN, watched_fired), 0);
    while (w.fired == 0)
        loop_run_once(again.loop, 0);
    loop_task_cancel(again.loop, &again.task);
    loop_fd_remove(&w.source);
    close(w.fd);
    loop_destroy(again.loop);
}

static void posted_runs(struct loop_task *task)
{
    struct posted *p = container_of(task, struct posted, task);
    p->runs++;
    pthread_mutex_lock(&p->lock);
    p->seen = p->written;
    pthread_mutex_unlock(&p->lock);
    if (p->seen == POSTS)
        loop_quit(p->loop);
}

static void *post_many(void *arg)
{
    struct posted *p = arg;
    for (unsigned i = 1; i <= POSTS; i++) {
        pthread_mutex_lock(&p->lock);
        p->written = i;
        pthread_mutex_unlock(&p->lock);
        loop_post(p->loop, &p->task);
    }
    return NULL;
}

static void posts_from_another_thread_are_never_lost(void **state)
{
    struct posted p = { .loop = loop_create(), .lock = PTHREAD_MUTEX_INITIALIZER };
    loop_task_init(&p.task, posted_runs);
    pthread_t thread;
    pthread_create(&thread, NULL, post_many, &p);
    loop_run(p.loop);
    pthread_join(thread, NULL);
    assert_int_equal(p.seen, POSTS);
    assert_true(p.runs <= POSTS);
    /* The loop may have seen the last one's number before it was posted. */
    loop_task_cancel(p.loop, &p.task);
    loop_destroy(p.loop);
}

static int got_signal;

static void signal_cb(struct loop_signals *signals, int signo)
{
    got_signal = signo;
}

static void signals_arrive_in_the_loop(void **state)
{
    struct loop *loop = loop_create();
    struct loop_signals signals = { 0 };
    assert_int_equal(loop_signals_add(loop, &signals, (const int[]){ SIGUSR1, 0 }, signal_cb), 0);
    kill(getpid(), SIGUSR1);
    loop_run_once(loop, 1000);
    assert_int_equal(got_signal, SIGUSR1);
    loop_signals_remove(&signals);
    loop_destroy(loop);
}

static void a_loop_thread_runs_tasks_and_stops(void **state)
{
    struct loop_thread thread;
    assert_int_equal(loop_thread_start(&thread, "test"), 0);
    struct posted p = { .loop = thread.loop, .lock = PTHREAD_MUTEX_INITIALIZER, .written = 1 };
    loop_task_init(&p.task, posted_runs);
    loop_post(thread.loop, &p.task);
    loop_thread_stop(&thread);
    loop_task_cancel(thread.loop, &p.task);
    loop_thread_finish(&thread);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_removed_by_another_does_not_fire),
        cmocka_unit_test(a_timer_fires_once_and_not_after_cancel),
        cmocka_unit_test(a_timer_that_is_put_off_fires_when_it_was_put_off_to),
        cmocka_unit_test(a_task_that_posts_itself_leaves_the_others_their_turn),
        cmocka_unit_test(posts_from_another_thread_are_never_lost),
        cmocka_unit_test(signals_arrive_in_the_loop),
        cmocka_unit_test(a_loop_thread_runs_tasks_and_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
