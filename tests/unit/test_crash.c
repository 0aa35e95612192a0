// SPDX-License-Identifier: MIT
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"
#include "vmm/base/crash.h"

/* Runs something that kills the process; its log, and its status. */
static int run(void (*die)(void), char *log, size_t room)
{
    int err[2];
    size_t used = 0;
    int status;

    assert_int_equal(pipe(err), 0);
    pid_t child = fork();
    if (child == 0) {
        static const int signos[] = { SIGSEGV, SIGABRT }; /* a sanitizer's handlers go */
        setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
        for (unsigned i = 0; i < 2; i++)
            signal(signos[i], SIG_DFL);
        dup2(err[1], STDERR_FILENO);
        crash_tell();
        prctl(PR_SET_NAME, "a thread");
        die();
        _exit(0);
    }
    close(err[1]);
    for (ssize_t n; (n = read(err[0], log + used, room - 1 - used)) > 0;)
        used += (size_t)n;
    log[used] = '\0';
    close(err[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

__attribute__((noinline)) static void write_nowhere(void)
{
    char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *(volatile char *)page = 1;
}

/* Code of no file, as a driver makes: writes to address 0 */
static void write_nowhere_by_made_code(void)
{
    static const unsigned char code[] = { 0x31, 0xff, 0x88, 0x07, 0xc3 };
    union {
        void *page;
        void (*call)(void);
    } made = { mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) };
    memcpy(made.page, code, sizeof(code));
    mprotect(made.page, 4096, PROT_READ | PROT_EXEC);
    made.call();
}

static void *abort_here(void *data)
{
    abort();
    return NULL;
}

/* A thread whose stack ends where nothing can be read. */
static void abort_on_a_short_stack(void)
{
    const size_t size = 64 << 10;
    char *stack =
        mmap(NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pthread_attr_t attr;
    pthread_t thread;

    mprotect(stack + size, 4096, PROT_NONE);
    pthread_attr_init(&attr);
    pthread_attr_setstack(&attr, stack, size);
    pthread_create(&thread, &attr, abort_here, NULL);
    pthread_join(thread, NULL);
}

static void send_it_to_itself(void)
{
    raise(SIGSEGV);
}

static void a_fault_is_told_with_its_place_and_its_callers(void **state)
{
    char log[8192];
    int status = run(write_nowhere, log, sizeof(log));

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_non_null(strstr(log, "crash: error: signal 11 (code 2, address 0x"));
    assert_non_null(strstr(log, "in thread a thread, at vitrine+0x"));
    assert_non_null(strstr(log, "called from vitrine+0x"));
    assert_non_null(strstr(log, "called from libc.so.6+0x"));
}

static void code_of_no_library_has_callers_too(void **state)
{
    char log[8192];
    int status = run(write_nowhere_by_made_code, log, sizeof(log));

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_non_null(strstr(log, "address (nil)) in thread a thread, at 0x"));
    assert_non_null(strstr(log, ", no library's code\n"));
    assert_non_null(strstr(log, "called from vitrine+0x"));
}

static void an_abort_is_told_and_stays_one(void **state)
{
    char log[8192];
    int status = run(abort, log, sizeof(log));

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(log, "crash: error: signal 6 in thread a thread\n"));
    assert_non_null(strstr(log, "called from libc.so.6+0x"));
}

static void the_end_of_the_stack_is_the_callers_end(void **state)
{
    char log[8192];
    int status = run(abort_on_a_short_stack, log, sizeof(log));

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(log, "called from libc.so.6+0x"));
    assert_null(strstr(log, "signal 11"));
}

static void a_signal_that_is_sent_kills_too(void **state)
{
    char log[8192];
    int status = run(send_it_to_itself, log, sizeof(log));

    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
    assert_non_null(strstr(log, "signal 11 in thread"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_told_with_its_place_and_its_callers),
        cmocka_unit_test(code_of_no_library_has_callers_too),
        cmocka_unit_test(an_abort_is_told_and_stays_one),
        cmocka_unit_test(the_end_of_the_stack_is_the_callers_end),
        cmocka_unit_test(a_signal_that_is_sent_kills_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
