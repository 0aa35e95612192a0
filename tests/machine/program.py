#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vitrine run as a person meets it: its exit statuses, its one-line errors, its terminal.

usage: program.py VITRINE. Exits with 77 where there is no KVM to run guests on.
"""
import ctypes
import os
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time

import cases
import guests

VITRINE = sys.argv[1]
TIMEOUT = 60
tmp = tempfile.TemporaryDirectory()


def path(name, data):
    where = os.path.join(tmp.name, name)
    with open(where, "wb") as file:
        file.write(data)
    return where


def run(*words, env=None, **more):
    return subprocess.run([VITRINE, "run", *words], capture_output=True, timeout=TIMEOUT,
                          stdin=subprocess.DEVNULL, text=True, env=env, **more)


def errors(text):
    """The lines of stderr but the notices that this KVM is slow, that this kernel jails less, and that a
    network that nobody asked for can't be had."""
    return [line for line in text.splitlines()
            if "vmx nor svm" not in line and "gives the jail no" not in line
            and "the guest has no network" not in line]


def refuses(pattern, *words, env=None):
    result = run(*words, env=env)
    lines = errors(result.stderr)
    assert result.returncode == 2, f"exit status {result.returncode}, not 2: {result.stderr}"
    assert len(lines) == 1, f"not one line: {result.stderr}"
    assert re.search(pattern, lines[0]), f"'{pattern}' is not in: {lines[0]}"


def guest(name, code):
    return path(name, guests.elf(code))


def test_the_doctor_says_what_is_missing_and_what_would_help():
    env = {"PATH": "/nowhere"}
    result = subprocess.run([VITRINE, "doctor"], capture_output=True, timeout=TIMEOUT, text=True,
                            env=env, check=False)
    assert result.returncode == 1, result.stdout
    lines = result.stdout.splitlines()
    for what in ("KVM", "udmabuf", "Wayland", "OpenGL", "vsock", "tap devices", "huge pages", "sleep"):
        assert any(re.match(rf"(ok|less|missing) +{what} ", line) for line in lines), result.stdout
    assert any(re.match("missing +Wayland ", line) for line in lines), result.stdout
    assert any(re.match("less +passt .*package passt$", line) for line in lines), result.stdout
    assert len(errors(result.stderr)) == 1 and "no Wayland session" in result.stderr, result.stderr


# What is wrong with the words and files is said before KVM is asked for.

def test_no_kernel_is_one_line():
    refuses("which kernel")


def test_a_missing_kernel_is_one_line():
    refuses("kernel .*/nowhere.*No such file", "--headless", "/nowhere")


def test_a_folder_is_no_kernel():
    refuses("no regular file", "--headless", tmp.name)


def test_a_missing_initrd_is_one_line():
    refuses("initrd .*No such file", "--headless", "--initrd", "/nowhere",
            guest("halt", guests.HALT))


def test_a_missing_disk_is_one_line():
    refuses("/nowhere.*No such file", "--headless", "--disk", "/nowhere",
            guest("halt", guests.HALT))


def test_a_missing_shared_folder_is_one_line():
    refuses("home.*/nowhere.*No such file", "--headless", "--share", "home=/nowhere",
            guest("halt", guests.HALT))
    refuses("no folder", "--headless", "--share", "a=/dev/null", guest("halt", guests.HALT))


def test_a_program_that_is_not_installed_is_one_line():
    env = {"PATH": "/nowhere"}
    refuses("passt is not installed", "--headless", "--net", "user", guest("halt", guests.HALT),
            env=env)


def test_a_port_that_is_taken_is_one_line():
    if not shutil.which("passt"):
        return
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        refuses(f"passt does not start.*{port}", "--headless", "--net", f"user,tcp={port}:22",
                guest("halt", guests.HALT))


def test_no_vsock_is_one_line():
    if not os.path.exists("/dev/vhost-vsock"):
        refuses("modprobe vhost_vsock", "--headless", "--cid", "9", guest("halt", guests.HALT))


def huge_pages():
    """How many of them are free on this host."""
    with open("/proc/meminfo", encoding="ascii") as file:
        return int(re.search(r"HugePages_Free: *(\d+)", file.read()).group(1))


def kvm_test_huge_pages_serve_where_they_are_set_aside():
    words = ("--headless", "--mem", "64,hugepages")
    if huge_pages() >= 32:
        assert run(*words, guest("guest", guests.say("big") + guests.POWER_OFF)).stdout == "big"
    else:
        refuses("fewer than 32 huge pages", *words, guest("halt", guests.HALT))


def test_an_unreadable_serial_file_is_one_line():
    refuses("serial", "--headless", "--serial", "file=/nowhere/at/all",
            guest("halt", guests.HALT))


def kvm_test_no_compositor_is_one_line():
    env = {k: v for k, v in os.environ.items() if k not in ("WAYLAND_DISPLAY", "WAYLAND_SOCKET")}
    env["XDG_RUNTIME_DIR"] = tmp.name
    refuses("(?i)wayland", guest("halt", guests.HALT), env=env)


def kvm_test_a_truncated_kernel_is_one_line():
    whole = guests.elf(guests.HALT)
    for length in (0, 3, 63, 100, len(whole) - 2):
        refuses(".", "--headless", path("cut", whole[:length]))


def kvm_test_no_opengl_is_one_line():
    for spec in ("render-node=/nowhere", "backend=virgl,render-node=/dev/null"):
        refuses("no usable OpenGL: /.*backend=2d", "--headless", "--gpu", spec,
                guest("halt", guests.HALT))


def kvm_test_2d_is_what_is_left_where_opengl_need_not_be():
    result = run("--headless", "--gpu", "backend=auto,render-node=/nowhere", "--mem", "64",
                 guest("guest", guests.POWER_OFF))
    assert result.returncode == 0, result.stderr
    assert len(re.findall("no usable OpenGL: /nowhere.*2D", result.stderr)) == 1, result.stderr


def kvm_test_text_is_no_kernel():
    refuses(".", "--headless", path("text", b"#!/bin/sh\n" * 1000))


def kvm_test_a_segment_outside_of_memory_is_one_line():
    refuses("(?i)mem|ram", "--headless", "--mem", "64",
            path("high", guests.elf(guests.HALT, 0x40000000, 0x40000000)))


def kvm_test_an_initrd_that_does_not_fit_is_one_line():
    big = path("big", b"")
    os.truncate(big, 200 << 20)
    refuses("does not fit", "--headless", "--mem", "64", "--initrd", big, guest("halt", guests.HALT))


# How a guest ends is the exit status.

def ends(code, status):
    result = run("--headless", "--cpus", "1", "--mem", "64", guest("guest", code))
    assert result.returncode == status, f"{result.returncode}, not {status}: {result.stderr}"
    return result


def kvm_test_a_power_off_is_0():
    assert ends(guests.say("hello") + guests.POWER_OFF, 0).stdout == "hello"


def kvm_test_a_triple_fault_is_3():
    ends(guests.TRIPLE_FAULT, 3)


def kvm_test_the_panic_port_is_3():
    assert "panic" in ends(guests.PANIC_PORT, 3).stderr


def kvm_test_a_reset_with_the_panic_mark_is_3():
    assert "panic" in ends(guests.PANIC_RESET, 3).stderr


def kvm_test_a_reset_restarts_in_place():
    result = ends(guests.TWO_RESETS, 0)
    assert result.stdout == "boot boot boot ", result.stdout


def kvm_test_several_cpus_and_memory_above_4_gib_start():
    result = run("--headless", "--cpus", "4", "--mem", "6144",
                 guest("guest", guests.say("hi") + guests.POWER_OFF))
    assert result.returncode == 0 and result.stdout == "hi", result.stderr


def kvm_test_a_signal_is_4():
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = subprocess.Popen([VITRINE, "run", "--headless", "--mem", "64",
                                    guest("guest", guests.say("x") + guests.HALT)],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                   stdin=subprocess.DEVNULL)
        assert process.stdout.read(1) == b"x"
        process.send_signal(signo)
        assert process.wait(TIMEOUT) == 4
        process.stdout.close()


def kvm_test_the_control_socket_answers_and_stops():
    sock = os.path.join(tmp.name, "control")
    process = subprocess.Popen([VITRINE, "run", "--headless", "--mem", "64", "--socket", sock,
                                guest("guest", guests.say("x") + guests.HALT)],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               stdin=subprocess.DEVNULL)
    assert process.stdout.read(1) == b"x"
    ctl = [VITRINE, "ctl"]
    status = subprocess.run([*ctl, sock, "status"], capture_output=True, text=True, check=True)
    assert re.search(r"^state +running$", status.stdout, re.M), status.stdout
    stats = subprocess.run([*ctl, "--json", sock, "stats"], capture_output=True, text=True,
                           check=True)
    assert '"exits":{"pio":' in stats.stdout, stats.stdout
    wrong = subprocess.run([*ctl, sock, "dance"], capture_output=True, text=True)
    assert wrong.returncode == 1 and "no such verb" in wrong.stderr, wrong.stderr
    subprocess.run([*ctl, sock, "stop"], check=True)
    assert process.wait(TIMEOUT) == 4
    process.stdout.close()
    assert not os.path.exists(sock)


# The terminal: raw while the guest runs, as it was afterwards.

class Terminal:
    """vitrine run on a pseudo-terminal."""

    def __init__(self, *words):
        self.main, self.sub = pty.openpty()
        self.before = termios.tcgetattr(self.sub)
        self.seen = b""
        # a session of its own, whose controlling terminal this is
        self.process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", VITRINE, "run", *words], stdin=self.sub,
            stdout=self.sub, stderr=self.sub, start_new_session=False)

    def wait_for(self, text):
        deadline = time.monotonic() + TIMEOUT
        while text not in self.seen:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.main], [], [], left)[0], self.seen
            self.seen += os.read(self.main, 4096)

    def type(self, text):
        os.write(self.main, text)

    def end(self):
        status = self.process.wait(TIMEOUT)
        after = termios.tcgetattr(self.sub)
        os.close(self.main)
        os.close(self.sub)
        assert after == self.before, "the terminal was not restored"
        return status


def kvm_test_keys_reach_the_guest_and_the_terminal_is_restored():
    terminal = Terminal("--headless", "--mem", "64", guest("echo", guests.ECHO))
    terminal.wait_for(b"ready")
    assert not termios.tcgetattr(terminal.sub)[3] & termios.ICANON, "the terminal is not raw"
    terminal.type(b"ab\x03")  # Ctrl-C goes to the guest
    terminal.wait_for(b"ab\x03")
    terminal.type(b"q")
    assert terminal.end() == 0


def kvm_test_ctrl_a_x_stops():
    terminal = Terminal("--headless", "--mem", "64", guest("echo", guests.ECHO))
    terminal.wait_for(b"ready")
    terminal.type(b"\x01x")
    assert terminal.end() == 4


def kvm_test_a_deadly_signal_restores_the_terminal():
    terminal = Terminal("--headless", "--mem", "64", guest("echo", guests.ECHO))
    terminal.wait_for(b"ready")
    children = f"/proc/{terminal.process.pid}/task/{terminal.process.pid}/children"
    with open(children, encoding="ascii") as file:
        pids = [int(word) for word in file.read().split()] or [terminal.process.pid]
    os.kill(pids[0], signal.SIGABRT)
    assert terminal.end() != 0


def gpu_process_of(pid):
    """The process that draws for the one with this id: a descendant of it."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        for child in file.read().split():
            with open(f"/proc/{child}/cmdline", "rb") as cmdline:
                if cmdline.read().split(b"\0")[1:2] == [b"gpu"]:
                    return int(child)
            found = gpu_process_of(child)
            if found:
                return found
    return None


def kvm_test_a_gpu_process_that_dies_is_replaced_three_times_and_then_by_2d():
    terminal = Terminal("--headless", "--gpu", "backend=auto,render-node=/nowhere", "--mem", "64",
                        guest("echo", guests.ECHO))
    terminal.wait_for(b"ready")
    for death in range(1, 5):
        terminal.seen = b""
        os.kill(gpu_process_of(terminal.process.pid), signal.SIGKILL)
        if death == 3:
            terminal.wait_for(b"goes on with 2D graphics")
        terminal.wait_for(b"graphics are back")
    terminal.seen = b""
    terminal.type(b"ab")
    terminal.wait_for(b"ab")
    terminal.type(b"q")
    assert terminal.end() == 0


def kvm_test_the_number_of_deaths_that_end_opengl_can_be_chosen():
    for limit, deaths in ((1, 1), (0, 5)):
        terminal = Terminal("--headless", "--gpu",
                            f"backend=auto,render-node=/nowhere,deaths={limit}", "--mem", "64",
                            guest("echo", guests.ECHO))
        terminal.wait_for(b"ready")
        for _ in range(deaths):
            terminal.seen = b""
            os.kill(gpu_process_of(terminal.process.pid), signal.SIGKILL)
            terminal.wait_for(b"graphics are back")
            assert (b"goes on with 2D graphics" in terminal.seen) == (limit == 1), terminal.seen
        terminal.type(b"q")
        assert terminal.end() == 0


def send_as(pid, option, lie):
    """Sends something over a socket of that graphics process, as if it had: the one of that option."""
    with open(f"/proc/{pid}/cmdline", "rb") as file:
        words = file.read().decode().split("\0")
    number = int(words[words.index(option) + 1].removeprefix("fd="))
    pidfd_getfd = 438
    pidfd = os.pidfd_open(pid)
    fd = ctypes.CDLL(None, use_errno=True).syscall(pidfd_getfd, pidfd, number, 0)
    os.close(pidfd)
    assert fd >= 0, os.strerror(ctypes.get_errno())
    os.write(fd, lie)
    os.close(fd)


def root_kvm_test_a_gpu_process_that_lies_is_replaced():
    terminal = Terminal("--headless", "--gpu", "backend=2d", "--mem", "64",
                        guest("echo", guests.ECHO))
    terminal.wait_for(b"ready")
    for option, lie, what in (("--frames", b"\3\0\0\0" + bytes(100), b"breaks the rules"),
                              ("--vhost-user", b"\x63\0\0\0\5\0\0\0\0\0\0\0", b"")):
        liar = gpu_process_of(terminal.process.pid)
        terminal.seen = b""
        send_as(liar, option, lie)
        terminal.wait_for(what)
        terminal.wait_for(b"graphics are back")
        assert not os.path.exists(f"/proc/{liar}"), "the liar lives on"
    terminal.seen = b""
    terminal.type(b"ab")
    terminal.wait_for(b"ab")
    terminal.type(b"q")
    assert terminal.end() == 0


cases.run(globals())
