// SPDX-License-Identifier: MIT
/*
 * A process tries to get out of the jail, by one way after the other: each way is open without a jail,
 * and shut in it. Most are shut twice, and are tried against the namespaces and the system calls alone
 * too. With the argument "user" the test runs as a user with no rights. Without cmocka, so that it runs
 * in the emulated desktop too.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/kcmp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/device/check.h"
#include "vmm/base/util.h"
#include "vmm/jail/jail.h"

/* What is outside. */
static struct {
    char dir[40], file[64], socket[64], abstract[64];
    const char *device;
    struct sockaddr_in loopback;
    pid_t machine;
    int secret;
} outside;

/* The ways: 0 means that it led out. A failure, or death, is what a jail is for. */

static int result(long value)
{
    return value < 0 ? -1 : 0;
}

static int read_a_users_file(void)
{
    return result(open(outside.file, O_RDONLY));
}

static int write_a_users_file(void)
{
    return result(open(outside.file, O_WRONLY));
}

/* In the emulated desktop an input device. */
static int open_a_device(void)
{
    return result(open(outside.device, O_RDONLY));
}

static int connect_unix(const char *path, bool abstract)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int sock = socket(AF_UNIX, SOCK_STREAM, 0);
    size_t len = strlen(path);

    memcpy(addr.sun_path + abstract, path, len);
    return result(connect(sock, (struct sockaddr *)&addr,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + 1)));
}

/* The Wayland socket and the control socket are such a one. */
static int connect_to_a_socket(void)
{
    return connect_unix(outside.socket, false);
}

static int connect_to_an_abstract_socket(void)
{
    return connect_unix(outside.abstract, true);
}

static int connect_to_loopback(void)
{
    int sock = socket(AF_INET, SOCK_STREAM, 0);
    return result(connect(sock, (struct sockaddr *)&outside.loopback, sizeof(outside.loopback)));
}

static int trace_the_machine(void)
{
    return result(ptrace(PTRACE_SEIZE, outside.machine, NULL, NULL));
}

static int read_the_machines_memory(void)
{
    int got = 0;
    struct iovec to = { &got, sizeof(got) }, from = { &outside.secret, sizeof(outside.secret) };
    return result(process_vm_readv(outside.machine, &to, 1, &from, 1, 0));
}

static int signal_the_machine(void)
{
    return result(kill(outside.machine, SIGWINCH));
}

static int have_the_machine_signalled(void)
{
    return result(fcntl(STDERR_FILENO, F_SETOWN, outside.machine));
}

static int run_a_shell(void)
{
    return result(execl("/bin/sh", "sh", "-c", "exit 0", (char *)NULL));
}

static int mount_something(void)
{
    return result(mount("none", "/sys", "tmpfs", 0, NULL));
}

static int make_a_process(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return result(pid);
}

static int make_a_user_namespace(void)
{
    return result(unshare(CLONE_NEWUSER));
}

__attribute__((format(printf, 1, 2), noreturn)) static void gone_wrong(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

enum layer { NO_JAIL, NAMESPACES, SYSTEM_CALLS, JAIL };

#define SHUT_BY(layer) (1u << (layer))
#define TWICE (SHUT_BY(NAMESPACES) | SHUT_BY(SYSTEM_CALLS))

static const struct way {
    const char *name;
    int (*go)(void);
    unsigned shut_by; /* alone */
    bool only_shut;   /* it is not tried without a jail: it might succeed */
} ways[] = {
    { "read a user's file", read_a_users_file, SHUT_BY(NAMESPACES) },
    { "write a user's file", write_a_users_file, TWICE },
    { "open a device", open_a_device, SHUT_BY(NAMESPACES) },
    { "connect to a socket", connect_to_a_socket, TWICE },
    { "connect to an abstract socket", connect_to_an_abstract_socket, TWICE },
    { "connect to loopback", connect_to_loopback, TWICE },
    { "trace the machine", trace_the_machine, TWICE },
    { "read the machine's memory", read_the_machines_memory, TWICE },
    { "signal the machine", signal_the_machine, TWICE },
    { "have the machine signalled", have_the_machine_signalled, TWICE },
    { "run a shell", run_a_shell, TWICE },
    { "mount something", mount_something, TWICE, true },
    { "make a process", make_a_process, SHUT_BY(SYSTEM_CALLS) },
    { "make a user namespace", make_a_user_namespace, SHUT_BY(SYSTEM_CALLS) },
};

/* Runs fn in the layer of a jail, in a process. Its wait status. */
static int run(enum layer layer, int (*fn)(void))
{
    unsigned got;
    int status;
    pid_t pid = jail_fork(layer == NAMESPACES || layer == JAIL ? JAIL_ALL : 0, &got);

    if (pid == 0) {
        if (layer == NAMESPACES || layer == JAIL)
            jail_enter(got, "surfaceless");
        if ((layer == SYSTEM_CALLS || layer == JAIL) && !jail_seal())
            _exit(9);
        _exit(fn() ? 1 : 0);
    }
    CHECK(pid > 0);
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

/* Errors and death by seccomp keep it in. */
static bool leads_out(enum layer layer, const struct way *way)
{
    int status = run(layer, way->go);

    if (WIFEXITED(status) && WEXITSTATUS(status) <= 1)
        return WEXITSTATUS(status) == 0;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
        return false;
    gone_wrong("%s: wait status 0x%x", way->name, (unsigned)status);
}

static void without_a_jail_every_way_leads_out(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(ways); i++)
        if (!ways[i].only_shut && !leads_out(NO_JAIL, &ways[i]))
            gone_wrong("this test can't %s", ways[i].name);
}

static void every_way_out_is_shut(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(ways); i++)
        if (leads_out(JAIL, &ways[i]))
            gone_wrong("it can %s", ways[i].name);
}

static void each_layer_holds_by_itself(void)
{
    for (unsigned i = 0; i < ARRAY_LEN(ways); i++)
        for (enum layer layer = NAMESPACES; layer <= SYSTEM_CALLS; layer++)
            if ((ways[i].shut_by & SHUT_BY(layer)) && leads_out(layer, &ways[i]))
                gone_wrong("it can %s, layer %d", ways[i].name, layer);
}

/* execve, ptrace and sockets are no mistake of a driver's. */
static void some_calls_end_the_process(void)
{
    int (*const deadly[])(void) = { run_a_shell, trace_the_machine, connect_to_loopback,
                                    read_the_machines_memory, mount_something };
    for (unsigned i = 0; i < ARRAY_LEN(deadly); i++) {
        int status = run(JAIL, deadly[i]);
        CHECK(WIFSIGNALED(status));
        CHECK(WTERMSIG(status) == SIGSYS);
    }
}

static void *in_a_thread(void *data)
{
    *(int *)data = result(syscall(SYS_sync_file_range, -1, 0, 0, 0)) && errno == ENOSYS;
    return NULL;
}

static int call_the_unknown(void)
{
    pthread_t thread;
    int twice = 0;

    if (pthread_create(&thread, NULL, in_a_thread, &twice) != 0)
        return 1;
    pthread_join(thread, NULL);
    errno = 0;
    return !twice || syscall(SYS_sync_file_range, -1, 0, 0, 0) != -1 || errno != ENOSYS ||
           syscall(SYS_personality, -1) != -1 || errno != ENOSYS;
}

static void an_unknown_call_is_refused_and_said_once(void)
{
    char log[4096];
    int pipe_fds[2], saved = dup(STDERR_FILENO);

    CHECK(pipe(pipe_fds) == 0);
    dup2(pipe_fds[1], STDERR_FILENO);
    int status = run(JAIL, call_the_unknown);
    dup2(saved, STDERR_FILENO);
    close(pipe_fds[1]);
    close(saved);
    ssize_t n = read(pipe_fds[0], log, sizeof(log) - 1);
    close(pipe_fds[0]);
    log[n > 0 ? n : 0] = '\0';
    CHECK(status == 0);
    const char *said = strstr(log, "sync_file_range");
    CHECK(said);
    CHECK(!strstr(said + 1, "sync_file_range"));
    CHECK(strstr(log, "personality"));
}

static void *nothing(void *data)
{
    return data;
}

static int work_as_a_driver(void)
{
    pthread_t thread;
    int memfd = memfd_create("driver", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int copy = fcntl(memfd, F_DUPFD_CLOEXEC, 10);
    unsigned char *code =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memfd < 0 || copy < 0 || ftruncate(memfd, 8192) < 0 || code == MAP_FAILED)
        return 1;
    code[0] = 0xc3; /* ret */
    if (mprotect(code, 4096, PROT_READ | PROT_EXEC) < 0)
        return 1;
    ((void (*)(void))(uintptr_t)code)();
    return syscall(SYS_kcmp, getpid(), getpid(), KCMP_FILE, memfd, copy) != 0 ||
           open("/usr/lib", O_RDONLY | O_DIRECTORY) < 0 || open("/dev/urandom", O_RDONLY) < 0 ||
           pthread_create(&thread, NULL, nothing, NULL) != 0 || pthread_join(thread, NULL) != 0;
}

static void a_driver_can_work(void)
{
    CHECK(run(JAIL, work_as_a_driver) == 0);
}

static int look_at_rights(void)
{
    struct rlimit core;

    for (int cap = 0; cap < 40; cap++)
        if (prctl(PR_CAPBSET_READ, cap) == 1)
            return 1;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1 || prctl(PR_GET_DUMPABLE) != 0 ||
           getrlimit(RLIMIT_CORE, &core) < 0 || core.rlim_max != 0 || getpid() != 1 ||
           open("/usr/lib/new", O_WRONLY | O_CREAT, 0600) >= 0 || mkdir("/new", 0700) == 0 ||
           errno != EROFS || access("/proc/self", F_OK) == 0 || access("/home", F_OK) == 0 ||
           access("/etc/passwd", F_OK) == 0;
}

static void it_has_no_rights(void)
{
    CHECK(run(NAMESPACES, look_at_rights) == 0);
}

static int abort_it(void)
{
    abort();
}

static void an_abort_is_told(void)
{
    int status = run(JAIL, abort_it);
    CHECK(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 128 + SIGABRT);
}

static int listen_on(int domain, const void *addr, size_t len)
{
    int sock = socket(domain, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(sock >= 0);
    CHECK(bind(sock, addr, (socklen_t)len) == 0);
    CHECK(listen(sock, 100) == 0);
    return sock;
}

static void set_up(void)
{
    static const char *const devices[] = { "/dev/input/event0", "/dev/full" };
    struct sockaddr_un path = { .sun_family = AF_UNIX }, abstract = { .sun_family = AF_UNIX };
    socklen_t len = sizeof(outside.loopback);

    strcpy(outside.dir, "/tmp/vitrine-jail-XXXXXX");
    CHECK(mkdtemp(outside.dir));
    snprintf(outside.file, sizeof(outside.file), "%s/file", outside.dir);
    close(open(outside.file, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
    snprintf(outside.socket, sizeof(outside.socket), "%s/wayland-0", outside.dir);
    strcpy(path.sun_path, outside.socket);
    listen_on(AF_UNIX, &path, sizeof(path));
    snprintf(outside.abstract, sizeof(outside.abstract), "vitrine-jail-%d", getpid());
    strcpy(abstract.sun_path + 1, outside.abstract);
    listen_on(AF_UNIX, &abstract,
              offsetof(struct sockaddr_un, sun_path) + strlen(outside.abstract) + 1);
    outside.loopback = (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    int sock = listen_on(AF_INET, &outside.loopback, sizeof(outside.loopback));
    getsockname(sock, (struct sockaddr *)&outside.loopback, &len);
    for (unsigned i = ARRAY_LEN(devices); i-- > 0;)
        if (access(devices[i], R_OK) == 0)
            outside.device = devices[i];
    outside.machine = getpid();
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY); /* or the kernel keeps others from it by itself */
}

static void tear_down(void)
{
    unlink(outside.file);
    unlink(outside.socket);
    rmdir(outside.dir);
}

static bool become_a_user(void)
{
    return setgroups(0, NULL) == 0 && setresgid(65534, 65534, 65534) == 0 &&
           setresuid(65534, 65534, 65534) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0;
}

int main(int argc, char **argv)
{
    unsigned got = 0;

    if (argc > 1 && !become_a_user()) {
        puts("only root can become another user");
        return 77;
    }
    pid_t pid = jail_fork(JAIL_ALL, &got);
    if (pid == 0)
        _exit((int)got);
    int status = 0;
    waitpid(pid, &status, 0);
    if (WEXITSTATUS(status) != JAIL_ALL) {
        printf("the kernel gives this user only the namespaces 0x%x of the jail's 0x%x\n",
               WEXITSTATUS(status), JAIL_ALL);
        return 77;
    }
    set_up();
    without_a_jail_every_way_leads_out();
    every_way_out_is_shut();
    each_layer_holds_by_itself();
    some_calls_end_the_process();
    an_unknown_call_is_refused_and_said_once();
    a_driver_can_work();
    it_has_no_rights();
    an_abort_is_told();
    tear_down();
    return 0;
}
