// SPDX-License-Identifier: MIT
/*
 * The handler runs anywhere, so it takes no lock and no memory, and unwinds nothing: what looks like a
 * return address on the stack is told as one, the few that are left of earlier calls included. The code
 * that a GL driver makes at run time would end an unwinder's walk.
 */
#include "vmm/base/crash.h"

#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define LOG_MODULE "crash"
#include "vmm/base/log.h"
#include "vmm/base/util.h"

#define MODULES_MAX 192
#define STACK_BYTES (32 << 10)
#define SCAN_WORDS 1024
#define CALLERS_MAX 20
#define PAGE_BYTES 4096
/* The longest call instruction's bytes. */
#define CALL_BYTES 7

/* Code of a file, in memory. */
struct module {
    uintptr_t start, end; /* addresses */
    uintptr_t base;       /* what the file calls 0 */
    char name[48];
};

/* A signal's handler has no other place for what it knows. Written before the handler is there. */
static struct {
    struct module module[MODULES_MAX];
    unsigned n;
    /* The handler's, in the thread that may have used up its own. */
    _Alignas(16) char stack[STACK_BYTES];
} known;

static const struct module *find(uintptr_t address)
{
    for (unsigned i = 0; i < known.n; i++)
        if (address >= known.module[i].start && address < known.module[i].end)
            return &known.module[i];
    return NULL;
}

static void name_place(uintptr_t address, char *text, size_t room)
{
    const struct module *m = find(address);

    if (m)
        snprintf(text, room, "%s+%#lx", m->name, (unsigned long)(address - m->base));
    else
        snprintf(text, room, "%#lx, no library's code", (unsigned long)address);
}

/* Whether a call instruction ends at the address. */
__attribute__((no_sanitize("address"))) static bool follows_a_call(uintptr_t address)
{
    const struct module *m = find(address);
    const uint8_t *at = (const uint8_t *)address;

    if (!m || address - m->start < CALL_BYTES)
        return false;
    if (at[-5] == 0xe8)
        return true;
    for (int len = 2; len <= CALL_BYTES; len++)
        if (at[-len] == 0xff && (at[1 - len] & 0x38) == 0x10)
            return true;
    return false;
}

/* Asks the kernel, which reads a set of signals there before it finds that the rest makes no sense. */
static bool is_readable(const uintptr_t *at)
{
    return syscall(SYS_rt_sigprocmask, -1, at, NULL, sizeof(*at)) == 0 || errno != EFAULT;
}

/* Reads what others put on the stack: to the address sanitizer, that's out of every bound. */
__attribute__((no_sanitize("address"))) static void tell_callers(const uintptr_t *stack)
{
    char place[80];

    for (unsigned i = 0, n = 0; i < SCAN_WORDS && n < CALLERS_MAX; i++) {
        if ((i == 0 || (uintptr_t)&stack[i] % PAGE_BYTES == 0) && !is_readable(&stack[i]))
            return;
        if (!follows_a_call(stack[i]))
            continue;
        name_place(stack[i], place, sizeof(place));
        log_error("  called from %s", place);
        n++;
    }
}

static void on_fault(int signo, siginfo_t *info, void *context)
{
    const greg_t *reg = ((ucontext_t *)context)->uc_mcontext.gregs;
    char place[80], thread[16] = "";

    prctl(PR_GET_NAME, thread);
    name_place((uintptr_t)reg[REG_RIP], place, sizeof(place));
    if (info->si_code > 0)
        log_error("signal %d (code %d, address %p) in thread %s, at %s", signo, info->si_code,
                  info->si_addr, thread, place);
    else
        log_error("signal %d in thread %s", signo, thread);
    tell_callers((const uintptr_t *)((uintptr_t)reg[REG_RSP] & ~(sizeof(uintptr_t) - 1)));
    if (info->si_code > 0)
        return; /* to the same fault, of which it dies now */
    if (getpid() == 1)
        _exit(128 + signo); /* the first process of a namespace does not die of what it sends */
    raise(signo);
}

static int add_module(struct dl_phdr_info *info, size_t size, void *data)
{
    const char *slash = strrchr(info->dlpi_name, '/');

    for (unsigned i = 0; i < info->dlpi_phnum && known.n < MODULES_MAX; i++) {
        const ElfW(Phdr) *p = &info->dlpi_phdr[i];
        struct module *m = &known.module[known.n];
        if (p->p_type != PT_LOAD || !(p->p_flags & PF_X))
            continue;
        known.n++;
        m->base = info->dlpi_addr;
        m->start = info->dlpi_addr + p->p_vaddr;
        m->end = m->start + p->p_memsz;
        snprintf(m->name, sizeof(m->name), "%s",
                 info->dlpi_name[0] == '\0' ? "vitrine"
                 : slash                    ? slash + 1
                                            : info->dlpi_name);
    }
    return 0;
}

void crash_tell(void)
{
    static const int signos[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };
    const struct sigaction action = {
        .sa_sigaction = on_fault,
        .sa_flags = SA_SIGINFO | SA_ONSTACK | (int)SA_RESETHAND,
    };
    stack_t stack = { .ss_sp = known.stack, .ss_size = sizeof(known.stack) };

    known.n = 0;
    dl_iterate_phdr(add_module, NULL);
    sigaltstack(&stack, NULL);
    for (unsigned i = 0; i < ARRAY_LEN(signos); i++) {
        struct sigaction now;
        if (sigaction(signos[i], NULL, &now) == 0 &&
            (now.sa_handler == SIG_DFL || signos[i] == SIGABRT))
            sigaction(signos[i], &action, NULL);
    }
}
