#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The control socket and `vitrine ctl`, in front of running guests.

usage: control.py VITRINE SLOW_CLOSE [LOGIND]. Exits with 77 where there is no KVM to run guests on.
"""
import contextlib
import json
import os
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

import cases
import guests

VITRINE = os.path.abspath(sys.argv[1])
SLOW_CLOSE = os.path.abspath(sys.argv[2])  # slow_close.c, to be preloaded
LOGIND = os.path.abspath(sys.argv[3]) if len(sys.argv) > 3 else None  # logind.c
TIMEOUT = 60
tmp = tempfile.TemporaryDirectory()
SOCKET = os.path.join(tmp.name, "control")


def ctl(*words, fails=None):
    """What ctl prints; where it fails, one line with this in it."""
    result = subprocess.run([VITRINE, "ctl", *words], capture_output=True, text=True, timeout=TIMEOUT,
                            check=False)
    if fails is None:
        assert result.returncode == 0, result.stderr
        return result.stdout
    assert result.returncode != 0 and fails in result.stderr, result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr
    return None


def ask(verb, **more):
    """A reply, by the protocol itself."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(SOCKET)
        sock.sendall(json.dumps({"verb": verb, **more}).encode() + b"\n")
        return json.loads(sock.makefile().readline())


def result(verb, **more):
    reply = ask(verb, **more)
    assert reply["ok"], reply
    return reply["result"]


@contextlib.contextmanager
def machine(code, *words, stderr=subprocess.DEVNULL, **env):
    """A running guest that has said its first byte. env: of vitrine's environment."""
    kernel = os.path.join(tmp.name, "kernel")
    with open(kernel, "wb") as file:
        file.write(guests.elf(code))
    with cases.started(VITRINE, "run", "--headless", "--net", "none", "--mem", "64", "--socket", SOCKET,
                       *words, kernel, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=stderr, env={**os.environ, **env}) as process:
        assert process.stdout.read(1)
        yield process
    if os.path.exists(SOCKET):
        os.unlink(SOCKET)


WAITS = guests.say("x") + guests.HALT


def test_words_that_make_no_request_are_one_line():
    ctl("/nowhere", "status", fails="is the VM running?")
    ctl("/nowhere", "log", fails="log takes LEVEL")
    ctl("/nowhere", "log", "debug", "more", fails="can't use 'more'")
    ctl("/nowhere", "status", "level=debug", fails="can't use 'level=debug'")
    ctl("/nowhere", "dance", "tango", fails="not KEY=VALUE")
    ctl("/nowhere", fails="usage")


def test_a_file_is_the_callers_however_it_is_said():
    here = os.path.realpath(tmp.name)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(SOCKET)
        server.listen()
        for words, key, value in ((("screenshot", "a.png"), "file", here + "/a.png"),
                                  (("screenshot", "display=2", "file=a.png"), "file", here + "/a.png"),
                                  (("disk", "add", "d,ro"), "disk", here + "/d,ro"),
                                  (("disk", "add", "disk=d,ro"), "disk", here + "/d,ro"),
                                  (("disk", "add", "disk=/d"), "disk", "/d")):
            with cases.started(VITRINE, "ctl", SOCKET, *words, cwd=here) as process:
                client, _ = server.accept()
                with client:
                    assert json.loads(client.makefile().readline())[key] == value, words
                    client.sendall(b'{"ok":true,"result":{}}\n')
                assert process.wait(TIMEOUT) == 0
    os.unlink(SOCKET)


def test_events_end_with_who_reads_them():
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(SOCKET)
        server.listen()
        with cases.started(VITRINE, "ctl", SOCKET, "events", stdout=subprocess.PIPE) as process:
            client, _ = server.accept()
            with client:
                client.sendall(b'{"ok":true,"result":{}}\n{"event":"restarted"}\n')
                assert process.stdout.readline() == b"restarted\n"
                process.stdout.close()
                client.sendall(b'{"event":"restarted"}\n')
                assert process.wait(TIMEOUT) == -signal.SIGPIPE
    os.unlink(SOCKET)


def kvm_test_what_a_verb_takes_has_a_place_or_a_name():
    with machine(WAITS):
        ctl(SOCKET, "log", "debug")
        ctl(SOCKET, "log", "level=info")
        ctl(SOCKET, "log", "much", fails="which level?")
        ctl(SOCKET, "dance", "with=me", fails="no such verb")


def kvm_test_events_follow_what_happens_until_the_end():
    with machine(WAITS) as process, socket.socket(socket.AF_UNIX) as sock:
        sock.connect(SOCKET)
        lines = sock.makefile()
        sock.sendall(b'{"verb":"subscribe","id":1}\n')
        assert json.loads(lines.readline()) == {"id": 1, "ok": True, "result": {}}
        with cases.started(VITRINE, "ctl", "--json", SOCKET, "events", stdout=subprocess.PIPE,
                           text=True) as events:
            # It has subscribed when another's event reaches it: one is made until then.
            while not select.select([events.stdout], [], [], 0)[0]:
                ctl(SOCKET, "suspend")
                assert json.loads(lines.readline()) == {"event": "suspended"}
                ctl(SOCKET, "resume")
                assert json.loads(lines.readline()) == {"event": "resumed"}
            ctl(SOCKET, "reset")
            assert json.loads(lines.readline()) == {"event": "restarted"}
            ctl(SOCKET, "stop")
            assert process.wait(TIMEOUT) == 4
            assert lines.readline() == ""
            rest = events.stdout.read().splitlines()
            assert json.loads(rest[-1]) == {"event": "restarted"}, rest
            assert events.wait(TIMEOUT) == 0


def kvm_test_a_disk_grows():
    disk = os.path.join(tmp.name, "grows")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    with machine(WAITS, "--disk", disk):
        for id_, size, why in (("disk1", "2M", "which disk?"), ("disk0x", "2M", "which disk?"),
                               ("disk0", "2X", "how large?"), ("disk0", "M", "how large?"),
                               ("disk0", "-1", "how large?"), ("disk0", "1025", "how large?"),
                               ("disk0", "9999999999T", "how large?"), ("disk0", "512K", "shrink")):
            ctl(SOCKET, "disk", "resize", id_, size, fails=why)
        assert os.stat(disk).st_size == 1 << 20
        ctl(SOCKET, "disk", "resize", "disk0", "3M")
        assert os.stat(disk).st_size == 3 << 20
        ctl(SOCKET, "disk", "resize", "disk0", str((3 << 20) + 512))
        assert os.stat(disk).st_size == (3 << 20) + 512
        result("disk resize", id="disk0", size=4 << 20)
        assert os.stat(disk).st_size == 4 << 20


def kvm_test_disks_come_and_have_to_be_let_go_of():
    disk = os.path.join(tmp.name, "disk")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    with machine(WAITS, "--disk", disk + ",ro"):
        assert result("disk list")["disks"] == [
            {"id": "disk0", "slot": 16, "state": "plugged in", "file": disk}]
        assert ctl(SOCKET, "disk", "list").splitlines() == [
            "id     slot  state       file", f"disk0  16    plugged in  {disk}"]
        assert re.fullmatch("nets +none\n", ctl(SOCKET, "net", "list"))
        assert f'"file":"{disk}"' in ctl("--json", SOCKET, "disk", "list")
        ctl(SOCKET, "disk", "add", disk, fails="in use")
        ctl(SOCKET, "disk", "add", "/nowhere", fails="No such file")
        ctl(SOCKET, "disk", "add", disk + ",fast", fails="can't use 'fast'")
        for i in range(1, 8):
            assert result("disk add", disk=disk + ",ro,format=raw") == {"id": f"disk{i}"}
        ctl(SOCKET, "disk", "add", disk + ",ro", fails="at most 8 disks")
        ctl(SOCKET, "disk", "remove", "disk9", fails="which disk?")
        ctl(SOCKET, "disk", "remove", "net0", fails="which disk?")
        ctl(SOCKET, "disk", "dance", fails="half a verb")
        # This guest lets go of nothing; its reset does.
        ctl(SOCKET, "disk", "remove", "disk3")
        assert result("disk list")["disks"][3]["state"] == "asked back"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(SOCKET)
            lines = sock.makefile()
            sock.sendall(b'{"verb":"subscribe"}\n{"verb":"reset"}\n')
            events = [json.loads(lines.readline()) for _ in range(4)]
        # The image may take its time to be closed.
        assert {"event": "disk-removed", "id": "disk3"} in events[2:], events
        assert {"event": "restarted"} in events[2:], events
        assert [disk["id"] for disk in result("disk list")["disks"]] == [
            "disk0", "disk1", "disk2", "disk4", "disk5", "disk6", "disk7"]
        assert result("disk add", disk=disk + ",ro") == {"id": "disk3"}


@contextlib.contextmanager
def asking(**request):
    """A request whose answer is read at the end of the block."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(TIMEOUT)
        sock.connect(SOCKET)
        sock.sendall(json.dumps(request).encode() + b"\n")
        reply = {}
        yield reply
        reply.update(json.loads(sock.makefile().readline() or '{"ended": true}'))


def eject(slots):
    """Says the byte y, once the device is gone: it can say nothing before."""
    return (guests.say("x") + b"\x66\xba\x18\x06\xb8" + struct.pack("<I", slots) + b"\xef"
            + guests.say("y") + guests.HALT)


def kvm_test_the_guest_goes_on_when_what_it_let_go_of_is_gone():
    disk = os.path.join(tmp.name, "disk")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    # 31 has no device, and what is below 16 stays.
    with machine(eject(1 << 16 | 1 << 31 | 0xffff), "--disk", disk) as process:
        assert process.stdout.read(1) == b"y"
        assert result("disk add", disk=disk) == {"id": "disk0"}
        ctl(SOCKET, "stop")
        assert process.wait(TIMEOUT) == 4


def kvm_test_nobody_waits_for_an_image_that_is_closed_but_who_wants_one():
    disk, other = os.path.join(tmp.name, "slow"), os.path.join(tmp.name, "other")
    gate = disk + ".gate"
    os.mkfifo(gate)
    for path in (disk, other):
        with open(path, "wb") as file:
            file.truncate(1 << 20)
    with machine(eject(1 << 16), "--disk", disk, LD_PRELOAD=SLOW_CLOSE, SLOW_CLOSE=disk) as process, \
            socket.socket(socket.AF_UNIX) as events:
        assert process.stdout.read(1) == b"y"  # the guest goes on
        events.connect(SOCKET)
        lines = events.makefile()
        events.sendall(b'{"verb":"subscribe"}\n')
        lines.readline()
        assert result("status")["state"] == "running"
        assert result("disk list")["disks"] == [{"id": "disk0", "state": "closing", "file": disk}]
        ctl(SOCKET, "disk", "resize", "disk0", "2M", fails="which disk?")
        ctl(SOCKET, "suspend")
        ctl(SOCKET, "resume")
        # What is added meanwhile waits for the image, which it may be.
        with asking(verb="disk add", disk=disk) as same, asking(verb="disk add", disk=other) as another:
            for name in ("suspended", "resumed"):
                assert json.loads(lines.readline()) == {"event": name}
            assert result("status")["state"] == "running"
            with open(gate, "wb"):
                pass
            told = [json.loads(lines.readline()) for _ in range(3)]
        assert same["ok"] and another["ok"], (same, another)
        assert told[0] == {"event": "disk-removed", "id": "disk0"}, told
        assert {event["event"] for event in told[1:]} == {"disk-added"}, told
        assert {disk["state"] for disk in result("disk list")["disks"]} == {"plugged in"}
        ctl(SOCKET, "stop")
        with open(gate, "wb"):
            pass
        assert process.wait(TIMEOUT) == 4


def kvm_test_nobody_waits_for_a_disk_at_work_that_the_guest_lets_go_of_but_the_guest():
    button = b"\x66\xba\x00\x06\x66\xed\xf6\xc4\x01\x74\xf9"  # until PWRBTN_STS is set
    for verb in ("resume", "reset"):
        disk = os.path.join(tmp.name, f"busy-{verb}")
        gate = disk + ".gate"
        os.mkfifo(gate)
        with open(disk, "wb") as file:
            file.truncate(1 << 20)
        with machine(guests.say("x") + button + eject(1 << 16), "--disk", disk, "--cpus", "1",
                     LD_PRELOAD=SLOW_CLOSE, SLOW_CLOSE=disk) as process:
            with asking(verb="disk resize", id="disk0", size="2M") as resized:
                while "being resized" not in ask("disk resize", id="disk0", size="4M")["error"]:
                    pass
                before = result("stats")["exits"]["signals"]
                ctl(SOCKET, "powerbtn")
                assert process.stdout.read(1) == b"x"  # of eject()
                while result("stats")["exits"]["signals"] == before:
                    pass  # until the guest is stopped in its _EJ0
                ctl(SOCKET, "suspend")
                ctl(SOCKET, verb)
                assert result("status")["state"] == "running"
                assert not select.select([process.stdout], [], [], 0)[0]
                assert result("disk list")["disks"][0]["state"] == "plugged in"
                with open(gate, "wb"):
                    pass
            assert resized["ok"], resized
            assert process.stdout.read(1) == (b"y" if verb == "resume" else b"x")
            assert result("disk list")["disks"][0]["state"] == "closing"
            with open(gate, "wb"):
                pass
            ctl(SOCKET, "stop")
            assert process.wait(TIMEOUT) == 4


def kvm_test_the_end_waits_for_an_image_that_is_closed():
    disk = os.path.join(tmp.name, "late")
    os.mkfifo(disk + ".gate")
    with open(disk, "wb") as file:
        file.truncate(1 << 20)
    with machine(eject(1 << 16), "--disk", disk, LD_PRELOAD=SLOW_CLOSE, SLOW_CLOSE=disk) as process:
        assert process.stdout.read(1) == b"y"
        with asking(verb="disk add", disk=disk) as reply:
            ctl(SOCKET, "stop")
        assert reply == {"ended": True}, reply
        assert process.poll() is None
        with open(disk + ".gate", "wb"):
            pass
        assert process.wait(TIMEOUT) == 4


def gone(pid):
    with contextlib.suppress(ProcessLookupError):
        pidfd = os.pidfd_open(pid)
        try:
            return bool(select.select([pidfd], [], [], TIMEOUT)[0])
        finally:
            os.close(pidfd)
    return True


class Passt:
    """A passt that says its pid, and does what it is told then."""

    def __init__(self):
        self.path = tempfile.mkdtemp(dir=tmp.name)
        os.mkfifo(os.path.join(self.path, "pid"))
        program = os.path.join(self.path, "passt")
        with open(program, "w", encoding="ascii") as file:
            file.write(f"#!/bin/sh\ncd {self.path}\nmkfifo $$\necho $$ >pid\n. ./$$\n")
        os.chmod(program, 0o755)

    def started(self):
        with open(os.path.join(self.path, "pid"), encoding="ascii") as file:
            return int(file.read())

    def tell(self, pid, what):
        with open(os.path.join(self.path, str(pid)), "w", encoding="ascii") as file:
            file.write(what + "\n")


def kvm_test_nobody_waits_for_a_network_card_but_who_adds_it():
    passt = Passt()
    with machine(WAITS, PATH=f"{passt.path}:{os.environ['PATH']}") as process:
        for what, answer in (
                ("echo no ports >&2; exit 1", {"ok": False, "error": (
                    "--net user: passt does not start: no ports")}),
                ("exit 0", {"ok": True, "result": {"id": "net0"}}),
                ("exit 0", {"ok": True, "result": {"id": "net1"}})):
            with asking(verb="net add", net="user") as reply:
                pid = passt.started()
                assert result("status")["state"] == "running"
                before = result("net list")
                passt.tell(pid, what)
            assert reply == answer, reply
            assert gone(pid)
            if not answer["ok"]:
                assert result("net list") == before
        assert [net["id"] for net in result("net list")["nets"]] == ["net0", "net1"]

        # Two at once, one of which never gets ready; the other's client has gone.
        begin = time.monotonic()
        with asking(verb="net add", net="user") as reply:
            hangs = passt.started()
            with socket.socket(socket.AF_UNIX) as sock, socket.socket(socket.AF_UNIX) as events:
                events.connect(SOCKET)
                lines = events.makefile()
                events.sendall(b'{"verb":"subscribe"}\n')
                lines.readline()
                sock.connect(SOCKET)
                sock.sendall(b'{"verb":"net add","net":"user"}\n')
                ready = passt.started()
                sock.close()
                passt.tell(ready, "exit 0")
                assert json.loads(lines.readline()) == {"event": "net-added", "id": "net2"}
        assert gone(hangs) and gone(ready)
        assert "not ready within 10 s" in reply["error"], reply
        assert time.monotonic() - begin >= 10

        # The VM ends under it.
        with asking(verb="net add", net="user") as reply:
            pid = passt.started()
            ctl(SOCKET, "stop")
            assert process.wait(TIMEOUT) == 4
        assert reply == {"ended": True} and gone(pid)


def kvm_test_a_machine_without_windows_says_so():
    with machine(WAITS):
        for verb in ("displays list", "displays add", "gpu restart"):
            ctl(SOCKET, *verb.split(), fails="no graphics card")
        ctl(SOCKET, "displays", "remove", "1", fails="no graphics card")
        ctl(SOCKET, "screenshot", "a.png", fails="no graphics card")
    with machine(WAITS, "--gpu", "backend=2d"):
        assert result("displays list") == {"displays": []}
        ctl(SOCKET, "displays", "remove", "0", fails="which monitor?")
        ctl(SOCKET, "displays", "remove", "1", fails="no windows")
        ctl(SOCKET, "input", "send", "tap:a", fails="no input devices")
        ctl(SOCKET, "screenshot", os.path.join(tmp.name, "a.png"), fails="shows no picture")
        ctl(SOCKET, "screenshot", os.path.join(tmp.name, "a.png"), "0", fails="which monitor?")
        for display, why in (9, "no picture"), (17, "which monitor"), (1.5, "which monitor"), (None, "which monitor"):
            reply = ask("screenshot", file=os.path.join(tmp.name, "a.png"), display=display)
            assert re.search(why, reply["error"]), (display, reply)
        assert not os.path.exists(os.path.join(tmp.name, "a.png"))
        ctl(SOCKET, "displays", "resize", "1", "big", fails="which size?")
        ctl(SOCKET, "displays", "resize", "1", "800x600", fails="no windows")


def kvm_test_the_graphics_process_is_replaced_when_asked():
    with tempfile.TemporaryFile("w+") as messages, socket.socket(socket.AF_UNIX) as sock, \
            machine(WAITS, "--gpu", "backend=2d", stderr=messages) as process:
        sock.connect(SOCKET)
        lines = sock.makefile()
        sock.sendall(b'{"verb":"subscribe"}\n')
        lines.readline()
        for i in range(4):  # more often than it may die by itself before the guest gets no 3D
            ctl(SOCKET, "gpu", "restart")
            assert json.loads(lines.readline()) == {"event": "gpu-down"}
            assert json.loads(lines.readline()) == {"event": "gpu-up"}
            assert result("stats")["gpu_restarts"] == i + 1
        ctl(SOCKET, "stop")
        assert process.wait(TIMEOUT) == 4
        messages.seek(0)
        assert "error" not in (said := messages.read()), said


@contextlib.contextmanager
def system_bus():
    """A bus of our own: its address."""
    config = os.path.join(tmp.name, "bus.conf")
    with open(config, "w", encoding="ascii") as file:
        file.write(f"<busconfig><type>session</type><listen>unix:path={tmp.name}/bus</listen>"
                   '<policy context="default"><allow send_destination="*" eavesdrop="true"/>'
                   '<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>')
    with cases.started("dbus-daemon", f"--config-file={config}", "--nofork", "--nopidfile",
                       "--print-address=1", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as daemon:
        yield daemon.stdout.readline().decode().split(",")[0].strip()


def kvm_test_the_host_sleeps_and_the_guest_with_it():
    if not LOGIND or not shutil.which("dbus-daemon"):
        print("no libsystemd or no dbus-daemon: the host's sleep is left out")
        return
    with system_bus() as bus, cases.started(
            LOGIND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
            env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": bus}) as logind:
        def says(line):
            assert logind.stdout.readline() == line + b"\n"

        def runs():
            before = result("stats")["exits"]["pio"]
            while result("stats")["exits"]["pio"] == before:
                pass

        says(b"ready")
        with machine(guests.say("x") + guests.SPIN, DBUS_SYSTEM_BUS_ADDRESS=bus) as process, \
                socket.socket(socket.AF_UNIX) as events:
            events.connect(SOCKET)
            events.settimeout(TIMEOUT)
            lines = events.makefile()

            def told(name):
                assert json.loads(lines.readline()) == {"event": name}

            events.sendall(b'{"verb":"subscribe"}\n')
            lines.readline()
            says(b"inhibited")
            for _ in range(2):
                logind.stdin.write(b"1")
                told("suspended")
                assert result("status")["state"] == "suspended"
                logind.stdin.write(b"0")
                told("resumed")
                says(b"inhibited")  # the next time
                runs()
            # Somebody is faster than logind.
            logind.stdin.write(b"1")
            told("suspended")
            ctl(SOCKET, "resume")
            told("resumed")
            logind.stdin.write(b"0")
            says(b"inhibited")
            runs()
            # What was suspended before stays so.
            ctl(SOCKET, "suspend")
            told("suspended")
            logind.stdin.write(b"10")
            says(b"inhibited")
            assert result("status")["state"] == "suspended"
            ctl(SOCKET, "resume")
            told("resumed")
            runs()
            # A reset is no less of one in between.
            logind.stdin.write(b"1")
            told("suspended")
            ctl(SOCKET, "reset")
            told("resumed")
            told("restarted")
            logind.stdin.write(b"0")
            says(b"inhibited")
            runs()
            ctl(SOCKET, "stop")
            assert process.wait(TIMEOUT) == 4


def kvm_test_the_statistics_tell_what_the_kernel_counts():
    with machine(WAITS):
        kernel = result("stats").get("kvm")
        release = tuple(int(n) for n in os.uname().release.split(".")[:2])
        assert (kernel is not None) == (release >= (5, 14)), kernel
        if kernel is not None:
            assert kernel["exits"] > 0 and kernel["io_exits"] >= 0, kernel
            assert result("stats")["kvm"]["exits"] >= kernel["exits"]
            assert re.search(r"^kvm.exits +[1-9][0-9]*$", ctl(SOCKET, "stats"), re.M)
        ctl(SOCKET, "stop")


cases.run(globals())
