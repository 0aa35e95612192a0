# SPDX-License-Identifier: MIT
"""A real Linux driver in front of our devices: QEMU 10 runs Debian's kernel, without KVM, and
`vitrine display` is its graphics card, keyboard and tablet. On top of that, a stage (stage.c) is the
desktop.

tools/check says in the environment where all of it is:
    VITRINE, STAGE, GUEST_KERNEL, GUEST_INITRD, GUEST_ROOT (an ext4), QEMU_ROOT, OUT
"""

import contextlib
import json
import os
import re
import select
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../tools/lib"))
from qemu import die_with_parent, environment, qemu  # pylint: disable=wrong-import-position

OUT = os.environ.get("OUT", ".")
MEMORY = 768
# linux/input-event-codes.h
KEYS = {"\n": 28, " ": 57, "shift": 42,
        **dict(zip("1234567890", range(2, 12))), **dict(zip("qwertyuiop", range(16, 26))),
        **dict(zip("asdfghjkl", range(30, 39))), **dict(zip("zxcvbnm", range(44, 51)))}


def fail(why):
    raise AssertionError(why)


def quarters(width, height):
    """The picture that tests/guest/flip.c draws last."""
    half = width // 2
    top = b"\xff\0\0" * half + b"\0\xff\0" * (width - half)
    low = b"\0\0\xff" * half + b"\xff\xff\0" * (width - half)
    return width, height, top * (height // 2) + low * (height - height // 2)


class Process:
    """A program whose output is read by lines, and kept in $OUT/NAME.log."""

    def __init__(self, name, command, **more):
        self.name = name
        self.seen = ""
        self.taken = 0
        # closed by end()
        self.log = open(os.path.join(OUT, name + ".log"), "w",  # pylint: disable=R1732
                        encoding="utf-8")
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                        preexec_fn=die_with_parent, **more)

    def _read(self, timeout):
        out = self.process.stdout
        if not select.select([out], [], [], max(timeout, 0))[0]:
            return False
        data = os.read(out.fileno(), 65536)
        text = data.decode(errors="replace").replace("\r", "")
        self.seen += text
        self.log.write(text)
        self.log.flush()
        return bool(data)

    def line(self, pattern, timeout):
        """The next line, behind the one that was found last, that matches."""
        deadline = time.monotonic() + timeout
        while True:
            found = re.compile(f"^.*(?:{pattern}).*\n", re.M).search(self.seen, self.taken)
            if found:
                self.taken = found.end()
                return found
            if not self._read(deadline - time.monotonic()):
                fail(f"{self.name}: no line '{pattern}' in {timeout} s; the last ones are:\n"
                     + self.seen[-1500:])

    def ends(self, timeout):
        """Its exit status."""
        deadline = time.monotonic() + timeout
        while self._read(deadline - time.monotonic()):
            pass
        return self.process.wait(max(deadline - time.monotonic(), 1))

    def end(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()
        self.log.close()


class Stage(Process):
    """The desktop and its user."""

    def __init__(self, command):
        super().__init__("stage", [os.environ["STAGE"], *command], stdin=subprocess.PIPE)

    def direct(self, text):
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()
        return self.line("(?:ok|no) ?", 20).group().strip()

    def do(self, text):
        answer = self.direct(text)
        if not answer.startswith("ok"):
            fail(f"stage: {text}: {answer}")
        return answer[3:]

    def picture(self):
        """What the window shows: its width, its height, and the bytes of its pixels; or None."""
        path = os.path.join(OUT, "window.ppm")
        if self.direct(f"shot {path}") != "ok":
            return None
        with open(path, "rb") as file:
            _, size, _, pixels = file.read().split(b"\n", 3)
        width, height = (int(word) for word in size.split())
        return width, height, pixels

    def picture_where(self, right, timeout):
        """Waits until the window shows what is right, since what the guest was told is done may be
        shown a little later."""
        deadline = time.monotonic() + timeout
        while True:
            picture = self.picture()
            if right(picture):
                return picture
            if time.monotonic() > deadline:
                fail(f"the window does not show what it should, see {OUT}/window.ppm")
            time.sleep(0.05)

    def type(self, text):
        for char in text:
            for down in (1, 0):
                self.do(f"key {KEYS[char]} {down}")


class Bed:
    """The display, and a machine in front of it."""

    def __init__(self, stack, *words, window=True, gpu=None):
        self.stack = stack
        self.gpu = gpu  # more options of QEMU's device
        # not in $OUT, since a socket's path is at most 107 bytes long
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-qemu-"))
        self.sockets = {name: os.path.join(folder, name) for name in ("gpu", "kbd", "tab", "ctl")}
        command = [os.environ["VITRINE"], "display", "--gpu-socket", self.sockets["gpu"],
                   "--socket", self.sockets["ctl"], *words]
        if window:
            command += ["--input-socket", self.sockets["kbd"],
                        "--input-socket", self.sockets["tab"]]
            self.display = Stage(command)
        else:
            self.display = Process("display", [*command, "--headless"])
        stack.callback(self.display.end)
        self.window = window
        self.machine = None
        self.wait_for_sockets()

    def wait_for_sockets(self):
        """The control socket is the last to come."""
        deadline = time.monotonic() + 30
        while not os.path.exists(self.sockets["ctl"]):
            if self.display.process.poll() is not None or time.monotonic() > deadline:
                fail("the display has not come up")
            time.sleep(0.02)

    def boot(self, command, root=False, disk=None):
        """Starts the machine. command is run by the initrd or, with root, in the whole Debian system,
        which nothing is written to; then the machine powers off. disk is its second one, read-only."""
        params = f'console=ttyS0 quiet mitigations=off no_timer_check vitrine.exec="{command}"'
        memory = f"memory-backend-memfd,id=ram,size={MEMORY}M,share=on"
        words = [*qemu(os.environ["QEMU_ROOT"]), "-machine", "q35,memory-backend=ram",
                 "-accel", "tcg,thread=multi", "-cpu", "max,-avx,-avx2,-fma,-f16c", "-smp", "2",
                 "-m", str(MEMORY), "-object", memory, "-kernel", os.environ["GUEST_KERNEL"],
                 "-initrd", os.environ["GUEST_INITRD"], "-serial", "stdio"]
        if root:
            params += " root=/dev/vda vitrine.overlay"
            for name, path in (("root", os.environ["GUEST_ROOT"]), ("more", disk)):
                if path:
                    words += ["-drive", f"if=none,id={name},format=raw,readonly=on,file={path}",
                              "-device", f"virtio-blk-pci,drive={name}"]
        devices = {"gpu": "vhost-user-gpu-pci" + ("," + self.gpu if self.gpu else "")}
        if self.window:
            devices.update(kbd="vhost-user-input-pci", tab="vhost-user-input-pci")
        for name, device in devices.items():
            words += ["-chardev", f"socket,id={name},path={self.sockets[name]}",
                      "-device", f"{device},chardev={name}"]
        self.machine = Process("guest", [*words, "-append", params], stdin=subprocess.DEVNULL,
                               stderr=subprocess.STDOUT, env=environment(os.environ["QEMU_ROOT"]))
        self.stack.callback(self.machine.end)
        return self.machine

    def stats(self):
        result = subprocess.run([os.environ["VITRINE"], "ctl", "--json", self.sockets["ctl"],
                                 "stats"], stdout=subprocess.PIPE, check=True, timeout=20)
        return json.loads(result.stdout)

    def both_end(self):
        """The guest has powered off: QEMU ends, and the display with it."""
        status = self.machine.ends(60)
        if status != 0:
            fail(f"QEMU's exit status is {status}")
        status = self.display.ends(20)
        if status != 0:
            fail(f"the display's exit status is {status}")
        left = [path for path in self.sockets.values() if os.path.exists(path)]
        if left:
            fail(f"left behind: {left}")


@contextlib.contextmanager
def bed(*words, window=True, gpu=None):
    with contextlib.ExitStack() as stack:
        yield Bed(stack, *words, window=window, gpu=gpu)


def main(test):
    started = time.monotonic()
    try:
        test()
    except AssertionError as error:
        print(f"FAILED: {error}")
        sys.exit(1)
    print(f"passed in {time.monotonic() - started:.0f} s")
