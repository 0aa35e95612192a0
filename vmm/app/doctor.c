// SPDX-License-Identifier: MIT
/* `vitrine doctor`: what this host has of all that vitrine can use, and what would help where it lacks
 * something. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gpu/gl/probe.h"
#include "vmm/app/guest_maker.h"
#include "vmm/app/helper.h"
#include "vmm/app/host_sleep.h"
#include "vmm/app/shares.h"
#include "vmm/app/verbs.h"
#include "vmm/base/cleanup.h"
#include "vmm/base/util.h"
#include "vmm/core/kvm.h"
#include "vmm/jail/jail.h"
#include "wl/shell.h"
#include "wl/survey.h"

#define EXIT_LACKING 1

static const char help[] =
    "Usage: vitrine doctor\n"
    "Looks for what vitrine uses of this computer: KVM, the compositor's protocols, OpenGL, "
    "devices\n"
    "and programs. Where something is missing, it says what that costs and what would help.\n"
    "\n"
    "Exit status: 0 virtual machines can run in windows, 1 something needed is missing.\n";

enum finding { FOUND, LESS, LACKING }; /* lacking: nothing runs without it */

/* One line of the table. */
static void say(enum finding finding, const char *what, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(enum finding finding, const char *what, const char *format, ...)
{
    static const char *const words[] = { [FOUND] = "ok", [LESS] = "less", [LACKING] = "missing" };
    va_list args;

    va_start(args, format);
    printf("%-8s %-22s ", words[finding], what);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout); /* in order with what the parts say on stderr */
}

/* Opens a device node for reading and writing. 0 or a negative errno. */
static int try_device(const char *path)
{
    autoclose int fd = open(path, O_RDWR | O_CLOEXEC);
    return fd < 0 ? -errno : 0;
}

/* Debian's udev gives it /dev/kvm, /dev/udmabuf and /dev/vhost-vsock. */
#define JOIN_KVM "sudo usermod -aG kvm $USER, and log in again"

/* What a device that may be missing is good for, and what would help where it is closed to the user, or not
 * there. */
static void say_device(const char *what, const char *path, const char *gain, const char *closed,
                       const char *absent)
{
    int err = try_device(path);

    if (err == 0)
        say(FOUND, what, "%s", gain);
    else if (err == -EACCES || err == -EPERM)
        say(LESS, what, "%s; no permission for %s: %s", gain, path, closed);
    else
        say(LESS, what, "%s; %s: %s: %s", gain, path, strerror(-err), absent);
}

static bool check_kvm(void)
{
    int err = try_device("/dev/kvm");

    if (err == -EACCES || err == -EPERM)
        say(LACKING, "KVM", "no permission for /dev/kvm: " JOIN_KVM);
    else if (err < 0)
        say(LACKING, "KVM",
            "/dev/kvm: %s; load kvm_intel or kvm_amd, and switch virtualisation on in the "
            "firmware's "
            "setup",
            strerror(-err));
    else if (!kvm_host_has_hardware())
        say(LESS, "KVM",
            "/dev/kvm is there, but the processor has neither vmx nor svm: too slow for a "
            "real guest");
    else
        say(FOUND, "KVM", "/dev/kvm, with the processor's virtualisation");
    return err == 0;
}

static void check_devices(void)
{
    say_device("udmabuf", "/dev/udmabuf", "guests' memory on the screen without a copy", JOIN_KVM,
               "Linux has it with CONFIG_UDMABUF, as Debian's since 6.12");
    say_device("vsock", "/dev/vhost-vsock", "sockets between host and guest (--cid)", JOIN_KVM,
               "sudo modprobe vhost_vsock");
    say_device("tap devices", "/dev/net/tun", "networks that an administrator sets up (--net tap)",
               "a udev rule can open it to you", "sudo modprobe tun");

    glob_t found = { 0 };
    unsigned readable = 0;
    if (glob("/dev/input/event*", 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++)
            readable += access(found.gl_pathv[i], R_OK | W_OK) == 0;
    if (readable > 0)
        say(FOUND, "input devices", "%u of %zu may be opened by you (--input)", readable,
            found.gl_pathc);
    else
        say(LESS, "input devices",
            "none of %zu may be opened by you (--input); the windows' input is enough for most "
            "uses, and members of the group input may",
            found.gl_pathc);
    globfree(&found);
}

#define DECORATION "zxdg_decoration_manager_v1"

/* What windows gain by a protocol. */
static const struct protocol {
    const char *interface;
    uint32_t version;
    const char *gain;
} protocols[] = {
    { "zwp_linux_dmabuf_v1", 3, "frames without a copy" },
    { "wp_linux_drm_syncobj_manager_v1", 1, "frames that are sent before they are drawn" },
    { "wl_subcompositor", 1, "bars beside a picture, the guest's own cursor, the HUD" },
    { "wp_viewporter", 1, "scaling until the guest has followed a resize" },
    { "wp_fractional_scale_manager_v1", 1, "sharp pictures at scales such as 1.5" },
    { "wp_presentation", 1, "the display's refresh rate in the guest" },
    { "zwp_pointer_constraints_v1", 1, "pointer lock, for games" },
    { "zwp_relative_pointer_manager_v1", 1, "relative motion while the pointer is locked" },
    { "zwp_keyboard_shortcuts_inhibit_manager_v1", 1, "the desktop's shortcuts in the guest" },
    { "zwp_tablet_manager_v2", 1, "graphics tablets" },
    { "wp_cursor_shape_manager_v1", 1, "the desktop's own pointer over bars and banners" },
    { DECORATION, 1, "the compositor's own title bars" },
    { "xdg_activation_v1", 1, "a window that comes to the front when it is launched" },
    { "zwp_idle_inhibit_manager_v1", 1, "no screen saver over a fullscreen guest" },
    { "wp_content_type_manager_v1", 1, "a screen tuned for games or video (--display content)" },
    { "wp_tearing_control_manager_v1", 1, "pictures at once, even if torn (--display tearing)" },
    { "xdg_toplevel_icon_manager_v1", 1, "the window's icon without a launcher's entry" },
};

struct globals {
    uint32_t version[ARRAY_LEN(protocols)]; /* 0: not there */
};

static void on_global(void *data, const char *interface, uint32_t version)
{
    struct globals *globals = data;

    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (strcmp(interface, protocols[i].interface) == 0)
            globals->version[i] = version;
}

/* Where the compositor draws none. */
static void check_title_bars(void)
{
    if (wayl_shell_decor_possible())
        say(FOUND, "title bars", "libdecor draws them");
    else
        say(LESS, "title bars",
            "neither the compositor nor libdecor draws them; what libdecor takes for it is in the "
            "package libdecor-0-plugin-1-gtk or -cairo");
}

static bool check_wayland(void)
{
    struct globals globals = { 0 };
    bool decorates = false;

    if (!wayl_survey(on_global, &globals)) {
        say(LACKING, "Wayland", "no compositor for windows, for the reason above");
        return false;
    }
    const char *display = getenv("WAYLAND_DISPLAY");
    say(FOUND, "Wayland", "the compositor at %s can show windows", display ? display : "wayland-0");
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++) {
        bool there = globals.version[i] >= protocols[i].version;
        say(there ? FOUND : LESS, there ? "  has" : "  lacks", "%s: %s", protocols[i].interface,
            protocols[i].gain);
        decorates |= there && strcmp(protocols[i].interface, DECORATION) == 0;
    }
    if (!decorates)
        check_title_bars();
    return true;
}

static void check_gl(void)
{
    struct gl_probe gl;

    gl_probe(&gl);
    if (!gl.usable)
        say(LESS, "OpenGL",
            "%s; guests draw in 2D. Install your GPU's driver (on Debian, "
            "libgl1-mesa-dri)",
            gl.text);
    else if (gl.software)
        say(LESS, "OpenGL",
            "%s draws with the processor; a GPU's driver is missing, or /dev/dri is not "
            "open to you",
            gl.text);
    else
        say(FOUND, "OpenGL", "%s on %s", gl.text, gl.node);
    if (gl.usable && !gl.export_dmabuf)
        say(LESS, "OpenGL's textures",
            "the driver exports no dmabufs, so frames are blitted or copied");
    else if (gl.usable)
        say(FOUND, "OpenGL's textures", "shown without a copy%s",
            gl.native_fence ? ", with fences" : "");
}

/* Whether the graphics process gets what its jail is made of. */
static void check_jail(void)
{
    unsigned got;
    int status = 0;
    pid_t child = jail_fork(JAIL_ALL, &got);

    if (child == 0)
        _exit((int)got);
    while (child > 0 && waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == JAIL_ALL)
        say(FOUND, "jail", "namespaces for the graphics process");
    else
        say(LESS, "jail",
            "you may make no namespaces, so the graphics process is held by its system calls' "
            "filter "
            "alone; "
            "see kernel.unprivileged_userns_clone and user.max_user_namespaces");
}

/* Pages of 2 MiB. */
static unsigned free_huge_pages(void)
{
    unsigned n = 0;
    FILE *file = fopen("/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "re");

    if (file) {
        if (fscanf(file, "%u", &n) != 1)
            n = 0;
        fclose(file);
    }
    return n;
}

static void check_huge_pages(void)
{
    unsigned n = free_huge_pages();

    if (n > 0)
        say(FOUND, "huge pages", "%u MiB for guests' memory (--mem MIB,hugepages)", n * 2);
    else
        say(LESS, "huge pages",
            "for guests' memory (--mem MIB,hugepages); none is free: sudo sysctl vm.nr_hugepages=N "
            "sets N aside, of 2 MiB each");
}

/* Where control sockets are; without it, VMs by name don't run. */
static void check_session(void)
{
    const char *folder = getenv("XDG_RUNTIME_DIR");

    if (folder && access(folder, W_OK | X_OK) == 0)
        say(FOUND, "session", "XDG_RUNTIME_DIR is %s", folder);
    else
        say(LESS, "session",
            "XDG_RUNTIME_DIR is %s; `vitrine run NAME` needs it: log in to a session of your own",
            folder ? "not a folder that you may write to" : "not set");
    if (host_sleep_is_told())
        say(FOUND, "sleep", "guests stand still before this computer sleeps");
    else
        say(LESS, "sleep",
            "guests are not told that this computer sleeps; systemd's logind would tell, where "
            "vitrine is built with libsystemd");
}

/* Whether one of those files gives this user a range of ids (subuid(5)). */
static bool has_ids(const char *path)
{
    const struct passwd *user = getpwuid(geteuid());
    FILE *file = fopen(path, "re");
    char line[256], number[16];
    bool found = false;

    snprintf(number, sizeof(number), "%u", geteuid());
    while (file && !found && fgets(line, sizeof(line), file)) {
        line[strcspn(line, ":")] = '\0';
        found = strcmp(line, number) == 0 || (user && strcmp(line, user->pw_name) == 0);
    }
    if (file)
        fclose(file);
    return found;
}

/* Programs for administrators are found without their folders in PATH. */
static bool program_exists(const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/usr/sbin/%s", name);
    return helper_exists(name) || helper_exists(path);
}

/* Root needs neither the program nor ids. */
static void check_ids(void)
{
    static const char gain[] = "vitrine new --from debian, without root";

    if (geteuid() == 0)
        return;
    if (!program_exists("newuidmap"))
        say(LESS, "newuidmap", "%s; it is in the package uidmap", gain);
    else if (!has_ids("/etc/subuid") || !has_ids("/etc/subgid"))
        say(LESS, "newuidmap",
            "%s; /etc/subuid and /etc/subgid have no line for you: sudo usermod --add-subuids "
            "100000-165535 --add-subgids 100000-165535 $USER",
            gain);
    else
        say(FOUND, "newuidmap", "%s", gain);
}

static void check_programs(void)
{
    const struct program {
        const char *name, *gain, *package;
        bool found;
    } programs[] = {
        { "passt", "a network for guests, without root", "passt", helper_exists("passt") },
        { "virtiofsd", "folders shared with guests",
          "virtiofsd, or qemu-system-common on Debian 12", shares_possible() },
        { "mmdebstrap", "vitrine new --from debian", "mmdebstrap", program_exists("mmdebstrap") },
        { "debugfs", "vitrine new --from IMAGE, and its disks", "e2fsprogs",
          program_exists("debugfs") },
        { "qemu-img", "vitrine new --from an image in qcow2", "qemu-utils",
          program_exists("qemu-img") },
    };

    if (!guest_scripts_exist())
        say(LESS, "scripts",
            "vitrine new --from; they come with the installed package, or VITRINE_LIBEXEC names "
            "the folder data/guest of vitrine's sources");
    for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
        if (programs[i].found)
            say(FOUND, programs[i].name, "%s", programs[i].gain);
        else
            say(LESS, programs[i].name, "%s; it is in the package %s", programs[i].gain,
                programs[i].package);
    }
}

int verb_doctor(int argc, char **argv)
{
    if (argc > 0) {
        bool asks = strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0;
        fputs(help, asks ? stdout : stderr);
        return asks ? 0 : EXIT_USAGE;
    }
    bool kvm = check_kvm();
    check_devices();
    bool wayland = check_wayland();
    check_gl();
    check_jail();
    check_huge_pages();
    check_session();
    check_programs();
    check_ids();
    return kvm && wayland ? 0 : EXIT_LACKING;
}
