#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The control socket and `vitrine ctl`, in front of running guests.

usage: control.py VITRINE. Exits with 77 where there is no KVM to run guests on.
"""
import contextlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile

import cases
import guests

VITRINE = sys.argv[1]
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
        sock.connect(SOCKET)
        sock.sendall(json.dumps({"verb": verb, **more}).encode() + b"\n")
        return json.loads(sock.makefile().readline())


def result(verb, **more):
    reply = ask(verb, **more)
    assert reply["ok"], reply
    return reply["result"]


@contextlib.contextmanager
def machine(code, *words):
    """A running guest that has said its first byte."""
    kernel = os.path.join(tmp.name, "kernel")
    with open(kernel, "wb") as file:
        file.write(guests.elf(code))
    with cases.started(VITRINE, "run", "--headless", "--net", "none", "--mem", "64", "--socket", SOCKET,
                       *words, kernel, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.DEVNULL) as process:
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


cases.run(globals())
