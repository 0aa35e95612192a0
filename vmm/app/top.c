// SPDX-License-Identifier: MIT
/* `vitrine top`: what all running VMs of this user do, asked of their control sockets and of /proc. */
#include <dirent.h>
#include <json-c/json.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#define LOG_MODULE "top"
#include "vmm/app/control_client.h"
#include "vmm/app/places.h"
#include "vmm/app/proc_usage.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/listen.h"
#include "vmm/base/log.h"
#include "vmm/base/loop.h"
#include "vmm/base/util.h"

#define PERIOD_MS 1000
/* A VM that does not answer is shown as such, and holds the others up no longer. */
#define ANSWER_MS 3000
#define MAX_VMS 64

static const char help[] =
    "Usage: vitrine top [--once]\n"
    "Shows what your running virtual machines do, once a second, until q or Ctrl-C: processor time "
    "(100%\n"
    "is one processor), memory in use of what the guest has, frames a second, how long a frame "
    "takes "
    "to\n"
    "the screen (half of them; 99 of 100; since the start), and what is read from and written to "
    "disks.\n"
    "\n"
    "  --once  measure for a second, show it once, and end\n";

struct vm {
    char name[PLACES_NAME_MAX + 1];
    char state[16];
    bool answers;
    uint64_t mem_mib;
    uint64_t frames, p50_us, p99_us;
    bool has_window;
    struct proc_usage usage;
    uint64_t at_ns; /* when all that was true */
};

struct table {
    unsigned n;
    struct vm vm[MAX_VMS];
};

static struct json_object *ask(const char *socket, const char *verb, struct json_object **reply,
                               pid_t *pid)
{
    struct json_object *request = json_object_new_object();
    bool ok = false;

    json_object_object_add(request, "verb", json_object_new_string(verb));
    *reply = control_try(socket, request, ANSWER_MS, pid);
    json_object_put(request);
    struct json_object *what = *reply ? control_answer(*reply, &ok) : NULL;
    return ok ? what : NULL;
}

/* A number in objects in objects, by its names with dots between them; 0 where there is none. */
static uint64_t number(struct json_object *object, const char *path)
{
    char name[32];

    for (;;) {
        size_t len = strcspn(path, ".");
        snprintf(name, sizeof(name), "%.*s", (int)len, path);
        if (!object || !json_object_object_get_ex(object, name, &object))
            return 0;
        if (!path[len])
            return json_object_get_uint64(object);
        path += len + 1;
    }
}

static void look(struct vm *vm, const char *socket)
{
    struct json_object *reply, *status, *stats, *value;
    pid_t pid = 0;

    snprintf(vm->state, sizeof(vm->state), "no answer");
    status = ask(socket, "status", &reply, &pid);
    vm->answers = status;
    if (status && json_object_object_get_ex(status, "state", &value))
        snprintf(vm->state, sizeof(vm->state), "%s", json_object_get_string(value));
    vm->mem_mib = number(status, "mem_mib");
    json_object_put(reply);
    if (pid > 0)
        proc_usage_read(&vm->usage, pid);
    vm->at_ns = loop_now_ns();
    if (!vm->answers)
        return;
    stats = ask(socket, "stats", &reply, NULL);
    vm->has_window = stats && json_object_object_get_ex(stats, "window", &value);
    vm->frames = number(stats, vm->has_window ? "window.committed" : "frames.presented");
    vm->p50_us = number(stats, "window.latency_us.p50");
    vm->p99_us = number(stats, "window.latency_us.p99");
    json_object_put(reply);
}

static int is_socket(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && dot != entry->d_name && strcmp(dot, ".sock") == 0;
}

/* Of the VMs that have a name, those whose sockets somebody listens at. */
static void gather(struct table *table, const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_socket, alphasort);

    table->n = 0;
    for (int i = 0; i < n; i++) {
        char *name = entries[i]->d_name;
        *strrchr(name, '.') = '\0';
        autofree char *socket = places_name_valid(name) ? places_socket(name) : NULL;
        if (socket && table->n < MAX_VMS && unix_is_listening(socket)) {
            struct vm *vm = &table->vm[table->n++];
            *vm = (struct vm){ 0 };
            memcpy(vm->name, name, strlen(name) + 1); /* it is valid, so it fits */
            look(vm, socket);
        }
        free(entries[i]);
    }
    free(entries);
}

static const struct vm *find(const struct table *table, const struct vm *vm)
{
    for (unsigned i = 0; i < table->n; i++) {
        if (strcmp(table->vm[i].name, vm->name) == 0 &&
            table->vm[i].usage.started == vm->usage.started)
            return &table->vm[i];
    }
    return NULL;
}

/* By the second. Counters of another process may be smaller. */
static double rate(uint64_t now, uint64_t before, double seconds)
{
    return now > before ? (double)(now - before) / seconds : 0;
}

/* "12.3M": bytes in a column of six. */
static const char *bytes(char text[16], double n)
{
    static const char units[] = "BKMGT";
    unsigned i = 0;

    while (n >= 1000 && units[i + 1]) {
        n /= 1024;
        i++;
    }
    snprintf(text, 16, n < 10 && i > 0 ? "%.1f%c" : "%.0f%c", n, units[i]);
    return text;
}

static void print_row(const struct vm *vm, const struct vm *before, const char *end)
{
    char used[16], all[16], in[16], out[16], latency[32] = "-", fps[16] = "-", cpu[16] = "-",
                                             memory[40] = "-", io[40] = "-";

    if (vm->usage.known) {
        snprintf(memory, sizeof(memory), "%s/%s", bytes(used, (double)vm->usage.resident),
                 bytes(all, (double)vm->mem_mib * MIB));
        if (!vm->answers)
            snprintf(memory, sizeof(memory), "%s", used);
    }
    double seconds = before ? (double)(vm->at_ns - before->at_ns) / 1e9 : 0;
    if (seconds > 0 && vm->usage.known) {
        snprintf(cpu, sizeof(cpu), "%.0f%%",
                 100 * rate(vm->usage.cpu_ns, before->usage.cpu_ns, seconds) / 1e9);
        snprintf(io, sizeof(io), "%s/%s",
                 bytes(in, rate(vm->usage.read_bytes, before->usage.read_bytes, seconds)),
                 bytes(out, rate(vm->usage.written_bytes, before->usage.written_bytes, seconds)));
    }
    if (seconds > 0 && vm->answers)
        snprintf(fps, sizeof(fps), "%.1f", rate(vm->frames, before->frames, seconds));
    if (vm->p99_us > 0)
        snprintf(latency, sizeof(latency), "%.1f/%.1f", (double)vm->p50_us / 1000,
                 (double)vm->p99_us / 1000);
    printf("%-20.20s %-10s %6s %13s %7s %12s %13s%s", vm->name, vm->state, cpu, memory, fps,
           latency, io, end);
}

static void print_table(const struct table *now, const struct table *before, const char *end)
{
    printf("%-20s %-10s %6s %13s %7s %12s %13s%s", "NAME", "STATE", "CPU", "MEM", "FPS",
           "LATENCY ms", "DISK r/w s", end);
    for (unsigned i = 0; i < now->n; i++)
        print_row(&now->vm[i], find(before, &now->vm[i]), end);
    if (now->n == 0)
        printf("No virtual machine runs; `vitrine list` shows which there are.%s", end);
    fflush(stdout);
}

/* Waits for the next look. True: the user has had enough, by a signal or by q. */
static bool wait_ends(int signals, bool keys)
{
    struct pollfd fds[] = { { .fd = signals, .events = POLLIN },
                            { .fd = keys ? STDIN_FILENO : -1, .events = POLLIN } };
    char key = 0;

    if (poll(fds, ARRAY_LEN(fds), PERIOD_MS) <= 0)
        return false;
    if (fds[0].revents)
        return true;
    return read(STDIN_FILENO, &key, 1) != 1 || key == 'q';
}

static void watch(const char *folder, struct table *now, struct table *before, int signals)
{
    struct termios old, raw;
    bool keys = tcgetattr(STDIN_FILENO, &old) == 0;

    if (keys) {
        raw = old;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs("\033[?1049h\033[?25l", stdout); /* the other screen, and no cursor */
    for (;;) {
        struct table *old_table = before;
        gather(now, folder);
        fputs("\033[H", stdout);
        print_table(now, before, "\033[K\r\n");
        fputs("\033[J", stdout);
        fflush(stdout);
        before = now;
        now = old_table;
        if (wait_ends(signals, keys))
            break;
    }
    fputs("\033[?25h\033[?1049l", stdout);
    fflush(stdout);
    if (keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &old);
}

/* Ctrl-C and the like, to be read where it suits. */
static int signal_fd(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigprocmask(SIG_BLOCK, &set, NULL);
    return signalfd(-1, &set, SFD_CLOEXEC);
}

static int top(bool once)
{
    autofree char *socket = places_socket("x");
    char *slash = socket ? strrchr(socket, '/') : NULL;
    struct table *tables = calloc(2, sizeof(*tables));
    autoclose int signals = signal_fd();
    int status = EXIT_FAILED;

    if (slash)
        *slash = '\0';
    if (!socket)
        status = EXIT_USAGE;
    else if (!tables || signals < 0)
        log_error("out of memory");
    else {
        status = 0;
        if (once) {
            gather(&tables[0], socket);
            if (tables[0].n > 0 && wait_ends(signals, false))
                status = EXIT_FAILED;
            gather(&tables[1], socket);
            print_table(&tables[1], &tables[0], "\n");
        } else {
            watch(socket, &tables[0], &tables[1], signals);
        }
    }
    free(tables);
    return status;
}

int verb_top(int argc, char **argv)
{
    bool once = argc == 1 && strcmp(argv[0], "--once") == 0;

    if (argc == 1 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0)) {
        fputs(help, stdout);
        return 0;
    }
    if (argc > 0 && !once) {
        log_error("'%s' is no option; see `vitrine top --help`", argv[0]);
        return EXIT_USAGE;
    }
    return top(once || !isatty(STDOUT_FILENO));
}
