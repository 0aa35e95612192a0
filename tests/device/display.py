#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""vitrine display as a person meets it, with a front-end that connects and hangs up.

usage: display.py VITRINE
"""
import os
import re
import resource
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

VITRINE = sys.argv[1]
TIMEOUT = 60
GET_FEATURES = 1
tmp = tempfile.TemporaryDirectory()
ENV = {k: v for k, v in os.environ.items() if k not in ("WAYLAND_DISPLAY", "WAYLAND_SOCKET")}
ENV["XDG_RUNTIME_DIR"] = tmp.name


def path(name):
    return os.path.join(tmp.name, name)


def start(*words):
    """The display, once it says that a machine can come."""
    process = subprocess.Popen([VITRINE, "display", "--gpu-socket", path("gpu"), "--gpu",
                                "backend=2d", *words], env=ENV,
                               stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    for line in process.stderr:
        if "finds its graphics card" in line:
            return process
    raise AssertionError(f"it ended with {process.wait()}")


def ends(process, status):
    rest = process.stderr.read()
    got = process.wait(TIMEOUT)
    process.stderr.close()
    assert got == status, f"exit status {got}, not {status}: {rest}"
    left = [name for name in os.listdir(tmp.name) if name in ("gpu", "kbd", "tab", "ctl")]
    assert not left, f"left behind: {left}"
    return rest


def refuses(pattern, *words):
    result = subprocess.run([VITRINE, "display", *words], env=ENV, capture_output=True, text=True,
                            timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    lines = result.stderr.splitlines()
    assert result.returncode == 2, f"exit status {result.returncode}, not 2: {result.stderr}"
    assert len(lines) == 1, f"not one line: {result.stderr}"
    assert re.search(pattern, lines[0]), f"'{pattern}' is not in: {lines[0]}"


def front_end():
    """Connects, and gets an answer of the GPU process."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(TIMEOUT)
    sock.connect(path("gpu"))
    sock.sendall(struct.pack("<III", GET_FEATURES, 1, 0))
    request, _, size = struct.unpack("<III", sock.recv(12, socket.MSG_WAITALL))
    features = struct.unpack("<Q", sock.recv(8, socket.MSG_WAITALL))[0]
    assert (request, size) == (GET_FEATURES, 8) and features >> 32 & 1, "no virtio 1 device"
    return sock


def test_it_ends_well_when_the_front_end_hangs_up():
    process = start("--headless")
    front_end().close()
    ends(process, 0)


def test_a_guest_has_files_for_all_of_its_buffers():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(256, hard), hard))
    process = start("--headless")
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    for pid in (process.pid, child_of(process)):
        got = resource.prlimit(pid, resource.RLIMIT_NOFILE)[0]
        assert got == min(16384, hard), f"it may open {got}"
    front_end().close()
    ends(process, 0)


def test_a_second_front_end_is_refused():
    process = start("--headless")
    first = front_end()
    second = socket.socket(socket.AF_UNIX)
    assert second.connect_ex(path("gpu")) != 0, "a second one could connect"
    second.close()
    first.close()
    ends(process, 0)


def test_a_signal_is_4():
    for signo in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        process = start("--headless")
        process.send_signal(signo)
        ends(process, 4)


def child_of(process):
    children = f"/proc/{process.pid}/task/{process.pid}/children"
    with open(children, encoding="ascii") as file:
        return int(file.read().split()[0])


def test_a_graphics_process_that_dies_is_3():
    process = start("--headless")
    sock = front_end()
    os.kill(child_of(process), signal.SIGABRT)  # as abort() does; the kernel drops most of the others
    rest = ends(process, 3)
    assert "signal 6" in rest, f"why it died is not said: {rest}"
    sock.close()


def root_test_a_graphics_process_with_gl_is_in_the_jail():
    process = start("--headless", "--gpu", "backend=auto")
    sock = front_end()
    child = child_of(process)
    with open(f"/proc/{child}/status", encoding="ascii") as file:
        status = dict(line.split(":\t", 1) for line in file.read().splitlines())
    for name, value in (("Seccomp", "2"), ("NoNewPrivs", "1"), ("CapEff", "0" * 16),
                        ("CapBnd", "0" * 16)):
        assert status[name] == value, f"{name} is {status[name]}"
    spaces = ["pid", "mnt", "net", "ipc", "uts"]
    if subprocess.run(["unshare", "--user", "true"], stderr=subprocess.DEVNULL).returncode == 0:
        spaces.append("user")  # in a chroot there is none
    same = [name for name in spaces if os.readlink(f"/proc/{child}/ns/{name}")
            == os.readlink(f"/proc/self/ns/{name}")]
    assert not same, f"its namespaces are ours: {same}"
    with open(f"/proc/{child}/mountinfo", encoding="ascii") as file:
        mounts = [line.split() for line in file]
    assert mounts and all(words[5].startswith("ro,") for words in mounts), mounts
    assert os.listdir(f"/proc/{child}/root/etc") != os.listdir("/etc")
    with open(f"/proc/{child}/environ", encoding="utf-8") as file:
        assert "XDG_RUNTIME_DIR" not in file.read()
    sock.close()
    rest = ends(process, 0)
    assert "the jail" not in rest, rest


def test_a_kernel_without_namespaces_is_warned_of_in_one_line():
    everywhere = ["unshare", "--user", "--map-root-user"]
    if subprocess.run([*everywhere, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        return  # this one is such a kernel: the other tests have shown it
    refuse = 'echo 0 >/proc/sys/user/max_user_namespaces; exec "$@"'
    no_rights = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    for prefix, missing in (([], "kinds: user;"),
                            (no_rights, "kinds: user, pid, mount, net, ipc, uts;")):
        process = subprocess.Popen(
            [*everywhere, "sh", "-c", refuse, "sh", *prefix, VITRINE, "display", "--gpu-socket",
             path("gpu"), "--gpu", "backend=2d", "--headless"], env=ENV, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        lines = []
        for line in process.stderr:
            lines.append(line)
            if "finds its graphics card" in line:
                break
        with open(f"/proc/{child_of(process)}/status", encoding="ascii") as file:
            assert "Seccomp:\t2" in file.read()
        front_end().close()
        warnings = [line for line in lines if "the jail" in line]
        assert len(warnings) == 1 and missing in warnings[0], lines
        ends(process, 0)


def test_no_sandbox_is_warned_of():
    for option in ("--no-sandbox", "--disable-sandbox"):
        process = subprocess.Popen([VITRINE, "display", "--gpu-socket", path("gpu"), "--gpu",
                                    "backend=2d", "--headless", option], env=ENV,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        seen = ""
        for line in process.stderr:
            seen += line
            if "finds its graphics card" in line:
                break
        with open(f"/proc/{child_of(process)}/status", encoding="ascii") as file:
            assert "Seccomp:\t0" in file.read()
        front_end().close()
        assert "no sandbox" in seen + ends(process, 0)


def test_a_graphics_process_that_hangs_is_killed():
    process = start("--headless")
    os.kill(child_of(process), signal.SIGSTOP)
    process.terminate()
    ends(process, 4)


def test_the_control_socket_answers():
    process = start("--headless", "--socket", path("ctl"))
    stats = subprocess.run([VITRINE, "ctl", "--json", path("ctl"), "stats"], capture_output=True,
                           text=True, check=True, timeout=TIMEOUT)
    assert '"bytes_copied":0' in stats.stdout, stats.stdout
    status = subprocess.run([VITRINE, "ctl", path("ctl"), "status"], capture_output=True, text=True,
                            check=True, timeout=TIMEOUT)
    assert re.search(r"^display +headless$", status.stdout, re.M), status.stdout
    subprocess.run([VITRINE, "ctl", path("ctl"), "stop"], check=True, timeout=TIMEOUT)
    ends(process, 4)


def test_a_socket_that_is_in_use_is_one_line():
    process = start("--headless")
    refuses("gpu.*another program listens", "--gpu-socket", path("gpu"), "--headless")
    front_end().close()  # which the other one did not disturb
    ends(process, 0)


def test_a_socket_that_nobody_listens_at_is_replaced():
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(path("gpu"))
    dead.close()
    process = start("--headless")
    front_end().close()
    ends(process, 0)


def test_the_graphics_process_ends_with_its_parent():
    process = start("--headless")
    child = os.pidfd_open(child_of(process))
    process.kill()
    process.wait()
    process.stderr.close()
    assert select.select([child], [], [], TIMEOUT)[0], "it lives on"
    os.close(child)
    os.unlink(path("gpu"))


def test_a_place_for_no_socket_is_one_line():
    refuses("--gpu-socket /nowhere/gpu: No such", "--gpu-socket", "/nowhere/gpu", "--headless")
    refuses("--gpu-socket .*no socket", "--gpu-socket", tmp.name, "--headless")
    refuses("--gpu-socket .*at most", "--gpu-socket", path("x" * 200), "--headless")


def test_no_compositor_is_one_line_and_leaves_no_socket():
    refuses("(?i)wayland", "--gpu-socket", path("gpu"), "--input-socket", path("kbd"),
            "--input-socket", path("tab"))
    assert not any(os.path.exists(path(name)) for name in ("gpu", "kbd", "tab"))


def test_bad_words_are_one_line():
    refuses("which socket")
    for words in (["--size", "800"], ["--gpu", "backend=9d"], ["--nonsense"], ["word"],
                  ["--input-socket", ""], ["--input-socket", "a,device=mouse"],
                  ["--input-socket", "a,keyboard"],
                  ["--input-socket", "a", "--input-socket", "b,device=keyboard"],
                  ["--input-socket", "a,device=tablet", "--input-socket", "b"],
                  ["--input-socket", "a", "--input-socket", "b", "--input-socket", "c"],
                  ["--input-socket", "a", "--headless"]):
        refuses(".", "--gpu-socket", path("gpu"), *words)


def main():
    failed = 0
    for name, test in sorted(globals().items()):
        if not (name.startswith("test_") or os.geteuid() == 0 and name.startswith("root_test_")):
            continue
        started = time.monotonic()
        try:
            test()
            print(f"ok   {name} ({time.monotonic() - started:.1f} s)", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAIL {name}: {type(error).__name__}: {error}", flush=True)
    sys.exit(1 if failed else 0)


main()
