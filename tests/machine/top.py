#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""`vitrine top`, with control sockets of our own: VMs that answer, that are silent, and that talk nonsense.

usage: top.py VITRINE
"""
import json
import os
import pty
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import cases

VITRINE = os.path.abspath(sys.argv[1])
TIMEOUT = 60


class Desk:
    """A runtime folder with sockets in it."""

    def __init__(self):
        self.tmp = tempfile.TemporaryDirectory()
        self.env = {"PATH": os.environ["PATH"], "HOME": self.tmp.name, "XDG_RUNTIME_DIR": self.tmp.name}
        self.folder = os.path.join(self.tmp.name, "vitrine")
        os.mkdir(self.folder)

    def vm(self, name, answer):
        """Somebody listens at the VM's socket; answer(request) is what is sent, bytes."""
        server = socket.socket(socket.AF_UNIX)
        server.bind(os.path.join(self.folder, name + ".sock"))
        server.listen(16)

        def serve():
            while True:
                client, _ = server.accept()
                line = client.makefile("rb").readline()
                if line:
                    try:
                        client.sendall(answer(json.loads(line)))
                    except OSError:
                        pass  # it has given up
                client.close()

        threading.Thread(target=serve, daemon=True).start()

    def top(self, *words):
        return subprocess.run([VITRINE, "top", *words], capture_output=True, timeout=TIMEOUT, text=True,
                              stdin=subprocess.DEVNULL, env=self.env, check=False)

    def rows(self):
        result = self.top("--once")
        assert result.returncode == 0, result.stderr
        lines = result.stdout.splitlines()
        assert lines[0].split()[:4] == ["NAME", "STATE", "CPU", "MEM"], lines[0]
        return {line.split()[0]: line for line in lines[1:]}


def reply(**result):
    return json.dumps({"id": None, "ok": True, "result": result}).encode() + b"\n"


def running(frames):
    """A VM that shows 1000 frames more each time that it is asked for statistics."""
    count = [0]

    def answer(request):
        if request["verb"] == "status":
            return reply(state="running", mem_mib=2048, cpus=2)
        assert request["verb"] == "stats"
        count[0] += frames
        return reply(window={"committed": count[0], "latency_us": {"p50": 16700, "p99": 33400}})
    return answer


def test_without_vms_it_says_so(desk):
    result = desk.top("--once")
    assert result.returncode == 0 and "No virtual machine runs" in result.stdout, result
    os.rmdir(desk.folder)
    assert "No virtual machine runs" in desk.top("--once").stdout


def test_a_vm_has_its_row(desk):
    desk.vm("debian", running(1000))
    row = desk.rows()["debian"]
    match = re.match(r"debian +running +\d+% +[\d.]+[BKMG]/2.0G +([\d.]+) +16.7/33.4 +[\d.]+[BKM]/[\d.]+[BKM]$",
                     row)
    assert match, row
    assert 1 < float(match[1]) <= 1000, row  # 1000 frames in a second or a little more


def test_who_does_not_answer_is_shown_and_holds_up_nobody(desk):
    gone = socket.socket(socket.AF_UNIX)
    gone.bind(os.path.join(desk.folder, "crashed.sock"))
    gone.close()
    hold = threading.Event()
    desk.vm("silent", lambda request: (hold.wait(), b"")[1])
    for name, nonsense in (("closes", b""), ("noise", b"\xff\0{\n"), ("array", b"[1,2]\n"),
                           ("null", b"null\n"), ("types", reply(state={"a": []}, mem_mib=[1])),
                           ("deep", b"[" * 4000 + b"\n"), ("long", b"x" * 300000 + b"\n")):
        desk.vm(name, lambda request, nonsense=nonsense: nonsense)
    desk.vm("debian", running(1))
    rows = desk.rows()
    hold.set()
    assert "crashed" not in rows
    assert "running" in rows["debian"]
    for name in ("silent", "closes", "noise", "array", "null", "deep", "long"):
        assert "no answer" in rows[name], rows[name]
    assert "types" in rows


def test_it_writes_once_where_nobody_watches(desk):
    desk.vm("debian", running(1))
    result = desk.top()
    assert result.returncode == 0 and result.stdout.count("debian") == 1, result
    assert "\033" not in result.stdout


def test_wrong_words_are_one_line(desk):
    result = desk.top("--twice")
    assert result.returncode == 2 and result.stderr.count("\n") == 1, result.stderr
    del desk.env["XDG_RUNTIME_DIR"]
    result = desk.top("--once")
    assert result.returncode == 2 and "XDG_RUNTIME_DIR" in result.stderr, result.stderr


def test_on_a_terminal_it_goes_on_until_q_and_leaves_it_as_it_was(desk):
    desk.vm("debian", running(1))
    for end in ("q", signal.SIGTERM):
        outer, inner = pty.openpty()
        with subprocess.Popen([VITRINE, "top"], env=desk.env, stdin=inner, stdout=inner,
                              start_new_session=True) as process:
            os.close(inner)
            seen = b""
            while seen.count(b"NAME") < 2:
                seen += os.read(outer, 4096)
            if end == "q":
                os.write(outer, b"xq")
            else:
                process.send_signal(end)
            while not seen.endswith(b"\033[?25h\033[?1049l"):
                seen += os.read(outer, 4096)
            assert process.wait(TIMEOUT) == 0
        os.close(outer)


cases.run(globals(), Desk, kvm_is_needed=False)
