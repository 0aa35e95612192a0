#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does what docs/first-ten-minutes.md shows, and compares what is said.

usage: first_minutes.py [--update] VITRINE TREE

Instead of mmdebstrap there is a program that makes a system of a few files at once, whose kernel is a guest of a few
instructions; the windows are headless weston's. Everything else is as a user has it.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

import guests

UPDATE = sys.argv[1] == "--update"
VITRINE, TREE = [os.path.abspath(path) for path in sys.argv[-2:]]
PAGE = os.path.join(TREE, "docs/first-ten-minutes.md")
TIMEOUT = 60

MMDEBSTRAP = """#!/bin/bash
tree=$(mktemp -d)
mkdir -p "$tree/boot" "$tree/etc"
cp "$TINY_KERNEL" "$tree/boot/vmlinuz-6.12.0"
echo ram >"$tree/boot/initrd.img-6.12.0"
for step in 'downloading packages with apt' 'installing essential packages' \
		'installing remaining packages inside the chroot' 'creating tarball'; do
	echo "I: $step..." >&2
done
tar -c -C "$tree" .
rm -r "$tree"
"""


def masked(text):
    """What has to be the same: no numbers, and columns as wide as they like."""
    return re.sub(r"[ \t]+", " ", re.sub(r"-$|\d+(\.\d+)?[BKMGT%]?|(?<= )-(?= )", "N", text, flags=re.M))


class Session:
    def __init__(self, home):
        self.home = home
        self.started = []
        bin_folder, run = os.path.join(home, "bin"), os.path.join(home, "run")
        os.mkdir(bin_folder)
        os.mkdir(run, 0o700)
        os.symlink(VITRINE, os.path.join(bin_folder, "vitrine"))
        with open(os.path.join(bin_folder, "mmdebstrap"), "w", encoding="utf8") as file:
            file.write(MMDEBSTRAP)
        os.chmod(os.path.join(bin_folder, "mmdebstrap"), 0o755)
        kernel = os.path.join(home, "run/kernel")
        with open(kernel, "wb") as file:
            file.write(guests.elf(guests.say("up") + guests.HALT))
        self.env = {"PATH": f"{bin_folder}:{os.environ['PATH']}", "HOME": home, "LC_ALL": "C", "TERM": "dumb",
                    "XDG_RUNTIME_DIR": run, "WAYLAND_DISPLAY": "wayland-test", "TINY_KERNEL": kernel,
                    "VITRINE_LIBEXEC": os.path.join(TREE, "data/guest")}
        self.log = open(os.path.join(home, "run/log"), "wb")  # pylint: disable=consider-using-with

    def start(self, words, **more):
        self.started.append(subprocess.Popen(  # pylint: disable=consider-using-with
            words, env=self.env, cwd=self.home, stdin=subprocess.DEVNULL, stderr=self.log, **more))
        return self.started[-1]

    def compositor(self):
        self.start(["weston", "--backend=headless-backend.so", "--socket=wayland-test", "--idle-time=0"],
                   stdout=self.log)
        path = os.path.join(self.env["XDG_RUNTIME_DIR"], "wayland-test")
        deadline = time.monotonic() + TIMEOUT
        while not os.path.exists(path):
            if self.started[-1].poll() is not None or time.monotonic() > deadline:
                print("weston does not start here")
                sys.exit(77)
            time.sleep(0.05)

    def does(self, line):
        if line.endswith("&"):
            vm = self.start(line.rstrip("& ").split(), stdout=subprocess.PIPE)
            assert vm.stdout.read(2) == b"up", "the guest does not start"
            return ""
        result = subprocess.run(["bash", "-c", line], env=self.env, cwd=self.home, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=TIMEOUT,
                                check=False)
        if line.endswith(" stop"):
            self.started[-1].wait(TIMEOUT)
        return result.stdout.replace(self.home, "/home/you")

    def end(self):
        for process in reversed(self.started):
            process.kill()
            process.wait()
        self.log.close()


def play(session, page):
    """The page with what is said here, and whether that is what it says."""
    out, same, varies, inside, said, expected = [], True, False, False, None, []

    def compare():
        nonlocal same
        if said is None:
            return
        out.extend(expected if varies else said.splitlines())
        if not varies and masked(said).splitlines() != masked("\n".join(expected)).splitlines():
            same = False
            print("it says:", said, "and not:", "\n".join(expected), sep="\n")

    for line in page.splitlines():
        if inside and (line.startswith("$ ") or line == "```"):
            compare()
            said, expected = None, []
        if line == "<!-- varies -->":
            varies = True
        elif line == "```console":
            inside = True
        elif line == "```":
            inside = varies = False
        if inside and line.startswith("$ "):
            out.append(line)
            said = session.does(line[2:])
            continue
        if said is None:
            out.append(line)
        else:
            expected.append(line)
    return "\n".join(out) + "\n", same


def main():
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        print("no /dev/kvm that this user may open")
        sys.exit(77)
    if not shutil.which("weston") or os.geteuid() != 0 and not shutil.which("newuidmap"):
        print("no weston, or no ids for the guests' users")
        sys.exit(77)
    with open(PAGE, encoding="utf8") as file:
        page = file.read()
    with tempfile.TemporaryDirectory() as home:
        session = Session(home)
        try:
            session.compositor()
            shown, same = play(session, page)
        finally:
            session.end()
    if UPDATE:
        with open(PAGE, "w", encoding="utf8") as file:
            file.write(shown)
    elif not same:
        sys.exit(1)


main()
