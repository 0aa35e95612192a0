#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What closing its windows does to a machine, on the tests' own compositor.

usage: closing.py VITRINE STAGE. Exits with 77 where there is no KVM to run guests on.
"""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time

import cases
import guests

VITRINE, STAGE = sys.argv[1:3]
TIMEOUT = 60
STOPPED = 4
tmp = tempfile.TemporaryDirectory()
SOCKET, KERNEL, LOG = (os.path.join(tmp.name, name) for name in ("control", "kernel", "log"))

IGNORES = guests.HALT
# wait: mov dx,0x600; in ax,dx; test ah,1 (the power button's bit); jz wait
OBEYS = b"\x66\xba\x00\x06\x66\xed\xf6\xc4\x01\x74\xf5" + guests.POWER_OFF


def until(holds):
    """What it returns as soon as that is true; it can only be asked for."""
    deadline = time.monotonic() + TIMEOUT
    while not (result := holds()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return result


@contextlib.contextmanager
def machine(code, *words):
    """A running guest and its stage, whose window is there."""
    with open(KERNEL, "wb") as file:
        file.write(guests.elf(code))
    command = [STAGE, VITRINE, "run", "--net", "none", "--mem", "64", "--no-sandbox", "--gpu",
               "backend=2d", "--serial", "none", "--socket", SOCKET, *words, KERNEL]
    with open(LOG, "wb") as log, \
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                             text=True, env={**os.environ, "XDG_RUNTIME_DIR": tmp.name}) as stage:
        try:
            until(lambda: tell(stage, "see 1"))
            yield stage
        finally:
            stage.stdin.close()  # ends vitrine, if it still runs
            stage.wait(TIMEOUT)


def tell(stage, line):
    """Whether the stage did it."""
    stage.stdin.write(line + "\n")
    stage.stdin.flush()
    return stage.stdout.readline().startswith("ok")


def windows(stage):
    """How many the stage has."""
    stage.stdin.write("counts\n")
    stage.stdin.flush()
    return len(stage.stdout.readline().split()) - 1


def title(stage):
    stage.stdin.write("title\n")
    stage.stdin.flush()
    return stage.stdout.readline()


def logged():
    with open(LOG, encoding="utf-8") as file:
        return file.read()


def ctl(verb):
    return subprocess.run([VITRINE, "ctl", "--json", SOCKET, verb], capture_output=True, text=True, timeout=TIMEOUT,
                          check=True).stdout


def monitors():
    return json.loads(ctl("stats"))["window"]["monitors"]


def kvm_test_the_last_window_that_is_closed_asks_the_guest_to_power_off():
    with machine(OBEYS) as stage:
        assert tell(stage, "close")
        assert stage.wait(TIMEOUT) == 0, logged()
    assert "asking the guest to shut down" in logged()


def kvm_test_a_guest_that_does_not_is_stopped_by_the_second_close():
    with machine(IGNORES) as stage:
        assert tell(stage, "close")
        until(lambda: "asking the guest to shut down" in logged())
        assert monitors()  # it lives, and its window with it
        assert tell(stage, "close")
        assert stage.wait(TIMEOUT) == STOPPED, logged()


def kvm_test_the_title_says_what_the_next_close_does():
    asked = "shutting down; close again to stop it"
    with machine(IGNORES) as stage:
        assert "close again" not in title(stage)
        ctl("suspend")
        until(lambda: "suspended" in title(stage))
        assert "close again" not in title(stage)
        assert tell(stage, "close")
        until(lambda: asked in title(stage))
        for _ in range(2):
            ctl("suspend")
            until(lambda: "suspended; close again to stop it" in title(stage))
            ctl("resume")
            until(lambda: asked in title(stage))
        ctl("reset")
        until(lambda: "close again" not in title(stage))
        assert tell(stage, "close")
        until(lambda: asked in title(stage))
        assert tell(stage, "close")
        assert stage.wait(TIMEOUT) == STOPPED, logged()


def kvm_test_any_other_window_is_a_monitor_that_is_unplugged():
    with machine(OBEYS, "--display", "outputs=2") as stage:
        before = monitors()
        assert tell(stage, "close")
        until(lambda: monitors() != before)
        until(lambda: windows(stage) == 1)  # the stage hears of it by another way than we
        assert "shut down" not in logged()
        assert tell(stage, "close")
        assert stage.wait(TIMEOUT) == 0, logged()


cases.run(globals())
