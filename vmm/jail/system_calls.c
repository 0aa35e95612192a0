// SPDX-License-Identifier: MIT
/*
 * The system calls of the jail: the table below, and nothing else. What is not in it fails with ENOSYS
 * after one line in the log for each call, since drivers try what they can do without. The kernel can't
 * write into our log: it sends SIGSYS to the thread, whose handler does both. A call that is made with
 * SIGSYS blocked therefore ends the process; the C library blocks it around few calls, which are in the
 * table, and Mesa leaves it open in its threads.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#define LOG_MODULE "jail"
#include "vmm/base/log.h"
#include "vmm/base/util.h"
#include "vmm/jail/jail.h"

enum verdict {
    ALLOW,
    REFUSE,  /* EPERM without a word: asked for as a favour, by many */
    NO_CALL, /* ENOSYS without a word: there is an older call to fall back to */
    KILL,    /* the process: no driver does that */
};

struct rule {
    int call;
    enum verdict verdict;
    bool if_arg; /* only where this holds; a call may have several such rules */
    bool if_own; /* only where the first argument is our process */
    struct scmp_arg_cmp arg;
};

#define CALL(name)                                                                                 \
    {                                                                                              \
        .call = SCMP_SYS(name)                                                                     \
    }
#define OTHERWISE(name, what)                                                                      \
    {                                                                                              \
        .call = SCMP_SYS(name), .verdict = what                                                    \
    }
#define CALL_WITH(name, n, value)                                                                  \
    {                                                                                              \
        .call = SCMP_SYS(name), .if_arg = true, .arg = { n, SCMP_CMP_EQ, value, 0 }                \
    }
/* The bits of mask in the nth argument are those of value. */
#define CALL_BITS(name, n, mask, value)                                                            \
    {                                                                                              \
        .call = SCMP_SYS(name), .if_arg = true, .arg = { n, SCMP_CMP_MASKED_EQ, mask, value }      \
    }
#define IOCTLS(letter) CALL_BITS(ioctl, 1, 0xff00, (letter) << 8)

/* Flags of clone() that make anything but a thread of this process. */
#define CLONE_MORE                                                                                 \
    (CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |     \
     CLONE_NEWCGROUP)
#define CLONE_A_THREAD (CLONE_THREAD | CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND)

static const struct rule rules[] = {
    /* Threads and memory; LLVM makes code and maps it executable. */
    CALL(brk),
    CALL(mmap),
    CALL(munmap),
    CALL(mremap),
    CALL(mprotect),
    CALL(madvise),
    CALL(msync),
    CALL(mincore),
    CALL(memfd_create),
    CALL(membarrier),
    CALL(futex),
    CALL(set_robust_list),
    CALL(rseq),
    CALL(set_tid_address),
    CALL(sched_yield),
    CALL(sched_getaffinity),
    CALL(sched_getparam),
    CALL(sched_getscheduler),
    CALL(getpriority),
    CALL(gettid),
    CALL(getpid),
    CALL(getppid),
    CALL(restart_syscall),
    CALL(exit),
    CALL(exit_group),
    CALL_BITS(clone, 0, CLONE_A_THREAD | CLONE_MORE, CLONE_A_THREAD),
    OTHERWISE(clone3, NO_CALL), /* its flags are in memory, where no filter reads them */
    OTHERWISE(sched_setaffinity, REFUSE),
    OTHERWISE(sched_setscheduler, REFUSE),
    OTHERWISE(sched_setattr, REFUSE),
    OTHERWISE(setpriority, REFUSE),

    /* Signals, to ourselves only. */
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(sigaltstack),
    { .call = SCMP_SYS(tgkill), .if_own = true },

    /* The time. */
    CALL(clock_gettime),
    CALL(clock_getres),
    CALL(clock_nanosleep),
    CALL(nanosleep),
    CALL(gettimeofday),
    CALL(time),
    CALL(timerfd_create),
    CALL(timerfd_settime),
    CALL(timerfd_gettime),

    /* What is open: the two sockets, the guest's memory and its eventfds, devices, buffers. */
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(pread64),
    CALL(pwrite64),
    CALL(lseek),
    CALL(close),
    CALL(close_range),
    CALL(dup),
    CALL(dup2),
    CALL(dup3),
    CALL(fstat),
    CALL(fstatfs),
    CALL(ftruncate),
    CALL(fallocate),
    CALL(poll),
    CALL(ppoll),
    CALL(select),
    CALL(pselect6),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_wait),
    CALL(epoll_pwait),
    CALL(eventfd2),
    CALL(signalfd4),
    CALL(pipe2),
    CALL(recvmsg),
    CALL(sendmsg),
    CALL(recvfrom),
    CALL(shutdown),
    CALL(getsockopt),
    CALL(accept4),
    CALL(kcmp), /* Mesa: are these two of my fds the same device? */

    /* Not F_SETOWN and F_SETSIG, which send signals to others. */
    CALL_WITH(fcntl, 1, F_DUPFD),
    CALL_WITH(fcntl, 1, F_DUPFD_CLOEXEC),
    CALL_WITH(fcntl, 1, F_GETFD),
    CALL_WITH(fcntl, 1, F_SETFD),
    CALL_WITH(fcntl, 1, F_GETFL),
    CALL_WITH(fcntl, 1, F_SETFL),
    CALL_WITH(fcntl, 1, F_ADD_SEALS),
    CALL_WITH(fcntl, 1, F_GET_SEALS),

    /* Not TIOCSTI, which types into the user's terminal, where stderr may be. */
    IOCTLS('d'), /* DRM */
    IOCTLS('b'), /* dma-buf */
    IOCTLS('u'), /* udmabuf */
    IOCTLS('>'), /* sync_file */
    CALL_WITH(ioctl, 1, TCGETS),
    CALL_WITH(ioctl, 1, FIONREAD),
    CALL_WITH(ioctl, 1, FIONBIO),
    CALL_WITH(ioctl, 1, FIOCLEX),

    /* Files of the jail's own root, to read. */
    CALL_BITS(openat, 2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY),
    CALL_BITS(open, 1, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY),
    CALL(stat),
    CALL(lstat),
    CALL(newfstatat),
    CALL(statx),
    CALL(statfs),
    CALL(access),
    CALL(faccessat),
    CALL(faccessat2),
    CALL(readlink),
    CALL(readlinkat),
    CALL(getdents64),
    CALL(getcwd),

    /* What this machine and this process are. */
    CALL(uname),
    CALL(sysinfo),
    CALL(getrandom),
    CALL(getrusage),
    CALL(getuid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getegid),
    CALL(getcpu),
    CALL_WITH(prlimit64, 2, 0), /* to ask, not to set */
    CALL(getrlimit),
    CALL_WITH(prctl, 0, PR_SET_NAME),
    CALL_WITH(prctl, 0, PR_GET_NAME),
    CALL_WITH(prctl, 0, PR_SET_VMA), /* names of the C library's memory */

    /* Other programs. */
    OTHERWISE(execve, KILL),
    OTHERWISE(execveat, KILL),
    OTHERWISE(fork, KILL),
    OTHERWISE(vfork, KILL),

    /* Other processes. */
    OTHERWISE(ptrace, KILL),
    OTHERWISE(process_vm_readv, KILL),
    OTHERWISE(process_vm_writev, KILL),
    OTHERWISE(process_madvise, KILL),
    OTHERWISE(pidfd_open, KILL),
    OTHERWISE(pidfd_getfd, KILL),
    OTHERWISE(pidfd_send_signal, KILL),

    /* Other machines, and sockets of this one. */
    OTHERWISE(socket, KILL),
    OTHERWISE(socketpair, KILL),
    OTHERWISE(connect, KILL),
    OTHERWISE(bind, KILL),
    OTHERWISE(listen, KILL),

    /* Other roots and rights. */
    OTHERWISE(mount, KILL),
    OTHERWISE(umount2, KILL),
    OTHERWISE(pivot_root, KILL),
    OTHERWISE(chroot, KILL),
    OTHERWISE(open_tree, KILL),
    OTHERWISE(move_mount, KILL),
    OTHERWISE(fsopen, KILL),
    OTHERWISE(fsconfig, KILL),
    OTHERWISE(fsmount, KILL),
    OTHERWISE(fspick, KILL),
    OTHERWISE(setns, KILL),
    OTHERWISE(unshare, KILL),
    OTHERWISE(open_by_handle_at, KILL),
    OTHERWISE(setuid, KILL),
    OTHERWISE(setgid, KILL),
    OTHERWISE(setreuid, KILL),
    OTHERWISE(setregid, KILL),
    OTHERWISE(setresuid, KILL),
    OTHERWISE(setresgid, KILL),
    OTHERWISE(setgroups, KILL),
    OTHERWISE(capset, KILL),

    /* The kernel's favourite holes. */
    OTHERWISE(bpf, KILL),
    OTHERWISE(perf_event_open, KILL),
    OTHERWISE(userfaultfd, KILL),
    OTHERWISE(io_uring_setup, KILL),
    OTHERWISE(keyctl, KILL),
    OTHERWISE(add_key, KILL),
    OTHERWISE(request_key, KILL),
    OTHERWISE(init_module, KILL),
    OTHERWISE(finit_module, KILL),
    OTHERWISE(kexec_load, KILL),
    OTHERWISE(iopl, KILL),
    OTHERWISE(ioperm, KILL),
    OTHERWISE(modify_ldt, KILL),
};

/* Room for each call of this architecture, as libseccomp and kernels to come number them. */
#define CALLS_MAX 1024

/* A signal's handler has no other place for what it knows. Written before the filter is there. */
static struct {
    char *name[CALLS_MAX];
    atomic_uchar said[CALLS_MAX]; /* for each call: it was in the log */
} calls;

/* In the thread that made the call. It may be anywhere but in the C library's own locks, all of which
 * that are held over a system call belong to calls of the table. */
static void on_unknown_call(int signo, siginfo_t *info, void *context)
{
    ucontext_t *at = context;
    unsigned call = (unsigned)info->si_syscall;
    int saved = errno;

    if (call < CALLS_MAX && !atomic_exchange_explicit(&calls.said[call], 1, memory_order_relaxed))
        log_warn("the jail has no system call %s (%u) with these arguments; it fails with ENOSYS",
                 calls.name[call] ? calls.name[call] : "unknown", call);
    at->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
    errno = saved;
}

static int answer_unknown_calls(void)
{
    struct sigaction action = { .sa_sigaction = on_unknown_call, .sa_flags = SA_SIGINFO };
    sigset_t sigsys;

    for (int i = 0; i < CALLS_MAX; i++)
        calls.name[i] = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, i);
    sigemptyset(&sigsys);
    sigaddset(&sigsys, SIGSYS);
    if (sigprocmask(SIG_UNBLOCK, &sigsys, NULL) < 0 || sigaction(SIGSYS, &action, NULL) < 0)
        return -errno;
    return 0;
}

static int add_rule(scmp_filter_ctx filter, const struct rule *rule)
{
    static const uint32_t actions[] = {
        [ALLOW] = SCMP_ACT_ALLOW,
        [REFUSE] = SCMP_ACT_ERRNO(EPERM),
        [NO_CALL] = SCMP_ACT_ERRNO(ENOSYS),
        [KILL] = SCMP_ACT_KILL_PROCESS,
    };
    uint32_t action = actions[rule->verdict];

    if (rule->if_own)
        return seccomp_rule_add(filter, action, rule->call, 1,
                                SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    return seccomp_rule_add_array(filter, action, rule->call, rule->if_arg, &rule->arg);
}

/* 0 or a negative errno. The filter is for every thread: a driver has some by now. */
static int load(scmp_filter_ctx filter)
{
    int err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);

    if (!err)
        err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    if (!err) /* a search, not one comparison after the other: a flip is a few system calls */
        err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    for (unsigned i = 0; !err && i < ARRAY_LEN(rules); i++)
        err = add_rule(filter, &rules[i]);
    return err ? err : seccomp_load(filter);
}

bool jail_seal(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_TRAP);
    int err = filter ? answer_unknown_calls() : -ENOMEM;

    if (!err)
        err = load(filter);
    seccomp_release(filter);
    if (err)
        log_error("the jail's system calls can't be limited: %s; --no-sandbox goes without",
                  strerror(-err));
    return !err;
}
