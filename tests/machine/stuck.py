#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest whose disk can't be written waits until it is resumed, in whichever way.

usage: stuck.py VITRINE GUEST, which is guest_virtio.c. Exits with 77 where there is no KVM to run guests on.
"""
import contextlib
import os
import re
import resource
import select
import shlex
import signal
import subprocess
import sys
import tempfile

import cases

VITRINE, GUEST = (os.path.abspath(path) for path in sys.argv[1:3])
TIMEOUT = 60
MEM_MIB = 64
SIZE = (MEM_MIB << 20) + 512  # the guest's first write is to the last sector, behind what may be written
tmp = tempfile.TemporaryDirectory()
DISK, SOCKET = (os.path.join(tmp.name, name) for name in ("disk", "control"))
ENV = {"PATH": os.environ["PATH"], "HOME": tmp.name, "XDG_RUNTIME_DIR": tmp.name}
DISK_OPTIONS = ["--headless", "--net", "none", "--cpus", "1", "--mem", str(MEM_MIB), "--disk",
                DISK + ",format=raw,werror=stop"]


def may_write_little():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEM_MIB << 20, resource.RLIM_INFINITY))


def may_write(process):
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def says(process, pattern):
    """The next line that has it."""
    for line in process.stderr:
        if match := re.search(pattern, line):
            return match
    raise AssertionError(f"never said: {pattern}")


def held(process):
    """Waits until the guest does, and returns what is said to help."""
    command = says(process, "can't be written: File too large; the guest waits, and '(.*)' lets it go on")[1]
    says(process, "the guest is suspended")
    return command


@contextlib.contextmanager
def machine(*words):
    with open(DISK, "wb") as file:
        file.truncate(SIZE)
    with cases.started(VITRINE, "run", *words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, env=ENV, preexec_fn=may_write_little) as process:
        assert process.stdout.readline() == "rng ok\n"
        yield process


def vitrine(*words):
    subprocess.run([VITRINE, *words], check=True, timeout=TIMEOUT, env=ENV, stdout=subprocess.DEVNULL)


def is_written():
    with open(DISK, "rb") as file:
        file.seek(SIZE - 512)
        return file.read() == b"\x55" * 512


def goes_on(process):
    says(process, "the guest is resumed")
    while not is_written():
        assert process.poll() is None


def kvm_test_a_signal_resumes_what_has_no_socket():
    with machine(*DISK_OPTIONS, GUEST) as process:
        assert held(process) == f"kill -USR1 {process.pid}"
        process.send_signal(signal.SIGUSR1)
        held(process)  # in vain
        may_write(process)
        process.send_signal(signal.SIGUSR1)
        goes_on(process)
        process.send_signal(signal.SIGUSR1)  # is nothing to a guest that runs
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 4


def kvm_test_the_log_says_which_command_resumes_it():
    vitrine("new", "vm", *DISK_OPTIONS, GUEST)
    for words, command in ((("vm",), "vitrine ctl vm resume"),
                           (("vm", "--socket", SOCKET), f"vitrine ctl {SOCKET} resume"),
                           (("--socket", SOCKET, *DISK_OPTIONS, GUEST), f"vitrine ctl {SOCKET} resume")):
        with machine(*words) as process:
            assert held(process) == command
            may_write(process)
            vitrine(*shlex.split(command)[1:])
            goes_on(process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT) == 4


def kvm_test_a_reset_guest_starts_anew_and_waits_for_its_own_writes():
    with machine("--socket", SOCKET, *DISK_OPTIONS, GUEST) as process:
        held(process)
        for _ in range(3):
            vitrine("ctl", SOCKET, "reset")
            assert select.select([process.stdout], [], [], TIMEOUT)[0], "the guest does not start"
            assert process.stdout.readline() == "rng ok\n"
            held(process)
        may_write(process)
        vitrine("ctl", SOCKET, "resume")
        goes_on(process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(TIMEOUT) == 4


cases.run(globals())
