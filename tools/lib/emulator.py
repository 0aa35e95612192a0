#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the emulated desktop: starts QEMU, relays the command's output, and plays its user.

    emulator.py --qemu-root FOLDER [--qemu FILE] --kernel FILE --initrd FILE --root FILE --disks FILE
                --share TAG=FOLDER... [--timeout S] [--verbose] ...

QEMU emulates an AMD processor with SVM, so the system inside has a real /dev/kvm. What runs in there
(tools/desktop-root/) speaks to us by virtio-serial ports, one socket pair each:

    out, err   the command's output, copied to ours as it comes
    ctl        "exit STATUS" once the command has ended
    input      desktop-input's requests, one a line with tabs between the words; we carry them out on
               the emulated keyboard, mouse and tablet by QMP and answer "ok" or what is wrong
"""

import argparse
import collections
import json
import os
import re
import selectors
import signal
import socket
import subprocess
import sys
import time

from keymap import BUTTONS, chords, qcodes
from qemu import die_with_parent, environment, qemu

KEY_PACE = 0.02  # s between key events, as a fast typist's: the guest's drivers drop a flood


STALL = re.compile(rb"rcu: INFO: rcu_\w+ (self-)?detected stall|soft lockup - CPU")
STALL_LOOK = 5  # s of silence until we look for one
PANIC = re.compile(rb"Kernel panic - not syncing")


class Failure(Exception):
    """The emulated desktop failed, not the command in it."""

    status = 125


class Timeout(Failure):
    """It took too long."""

    status = 124


class Fault(Failure):
    """The emulation has a processor that stands still, or that has lost its state, or it ended by itself."""

    status = 123


class Qmp:
    """QEMU's control socket: one command at a time; events are of no interest here."""

    def __init__(self, sock):
        self.sock = sock
        self.file = sock.makefile("rw", encoding="utf-8")
        self.file.readline()  # the greeting
        self.run("qmp_capabilities")

    def run(self, command, **arguments):
        json.dump({"execute": command, "arguments": arguments}, self.file)
        self.file.write("\n")
        self.file.flush()
        for line in self.file:
            answer = json.loads(line)
            if "error" in answer:
                raise ValueError(answer["error"]["desc"])
            if "return" in answer:
                return answer["return"]
        raise Failure("QEMU closed its control socket")

    def wait_for(self, event, seconds):
        """Until QEMU tells of it. After a timeout, which raises OSError, the socket is of no more use."""
        self.sock.settimeout(seconds)
        while json.loads(self.file.readline()).get("event") != event:
            pass
        self.sock.settimeout(None)

    def events(self, *events):
        self.run("input-send-event", events=list(events))


class User:
    """The person at the emulated machine's keyboard and pointer."""

    def __init__(self, qmp, width, height):
        self.qmp = qmp
        self.size = {"x": width, "y": height}

    def key(self, qcode, down):
        self.qmp.events({"type": "key",
                         "data": {"down": down, "key": {"type": "qcode", "data": qcode}}})
        time.sleep(KEY_PACE)

    def chord(self, codes):
        for code in codes:
            self.key(code, True)
        for code in reversed(codes):
            self.key(code, False)

    def press(self, button, down):
        self.qmp.events({"type": "btn", "data": {"down": down, "button": button}})

    def do_key(self, *names):
        for name in names:
            self.chord(qcodes(name))

    def do_down(self, name):
        self.key(*qcodes(name), True)

    def do_up(self, name):
        self.key(*qcodes(name), False)

    def do_type(self, *words):
        for codes in chords(" ".join(words).replace("\\n", "\n")):
            self.chord(codes)

    def do_move(self, x, y):
        self.qmp.events(*({"type": "abs", "data": {"axis": axis, "value": round(
            (float(value) + 0.5) / self.size[axis] * 0x7fff)}}
            for axis, value in (("x", x), ("y", y))))

    def do_rel(self, dx, dy):
        self.qmp.events(*({"type": "rel", "data": {"axis": axis, "value": int(value)}}
                          for axis, value in (("x", dx), ("y", dy))))

    def do_button(self, name, how="click"):
        if how not in ("click", "down", "up"):
            raise ValueError(f"button {name}: '{how}' is not down or up")
        for down in (True, False):
            if how == "click" or (how == "down") == down:
                self.press(BUTTONS[name], down)

    def do_click(self, x, y, name="left"):
        self.do_move(x, y)
        self.do_button(name)

    def do_wheel(self, direction, clicks="1"):
        for _ in range(int(clicks)):
            self.do_button(f"wheel-{direction}")

    # what is plugged in, at a port of its own: device_add has no room on the root bus
    EXTRA = {"keyboard": "virtio-keyboard-pci", "touch": "virtio-multitouch-pci"}

    def do_plug(self, kind):
        self.qmp.run("device_add", driver=self.EXTRA[kind], id=f"extra-{kind}", bus=f"port-{kind}")

    def do_unplug(self, kind):
        self.qmp.run("device_del", id=f"extra-{kind}")
        self.qmp.wait_for("DEVICE_DELETED", 40)

    def do_pause(self, count):
        for _ in range(int(count)):
            self.qmp.run("stop")
            self.qmp.run("cont")
            time.sleep(0.003)  # for the machine to run in between

    def do_touch(self, how, finger, x="0", y="0"):
        finger = int(finger)
        def event(kind, axis="x", value=0):
            return {"type": "mtt", "data": {
                "type": kind, "slot": finger, "axis": axis, "value": value,
                "tracking-id": -1 if kind == "end" else finger + 1}}
        if how == "up":
            self.qmp.events(event("end"))
            return
        places = [event("data", axis, round((float(value) + 0.5) / self.size[axis] * 0x7fff))
                  for axis, value in (("x", x), ("y", y))]
        self.qmp.events(event({"down": "begin", "move": "update"}[how]), *places)

    def request(self, line):
        verb, *words = line.split("\t")
        try:
            getattr(self, f"do_{verb}")(*words)
            return "ok"
        except AttributeError:
            return f"no such verb: {verb}"
        except KeyError as error:
            return f"{verb}: no such name: {error.args[0]}"
        except (OSError, TypeError, ValueError) as error:
            return f"{verb}: {error}"


class Machine:
    """The QEMU process and our ends of its sockets."""

    PORTS = ("out", "err", "ctl", "input")

    def __init__(self, args):
        ours, theirs = {}, {}
        for name in ("qmp", *self.PORTS):
            ours[name], theirs[name] = socket.socketpair()
        self.sockets = ours
        command = self.command(args, {name: sock.fileno() for name, sock in theirs.items()})
        self.log = open(args.console + ".qemu", "wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env=environment(args.qemu_root), preexec_fn=die_with_parent,
            pass_fds=[sock.fileno() for sock in theirs.values()])
        for sock in theirs.values():
            sock.close()

    @classmethod
    def command(cls, args, fds):
        drive = "if=none,format=raw,cache=unsafe"
        command = [
            *qemu(args.qemu_root, args.qemu), "-machine", "q35", "-accel", "tcg,thread=multi,tb-size=1024",
            # without AVX the emulation is faster
            "-cpu", "max,+svm,+npt,-avx,-avx2,-fma,-f16c", "-smp", str(args.cpus), "-m", str(args.memory),
            "-kernel", args.kernel, "-initrd", args.initrd, "-append",
            "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off root=/dev/vda "
            "vitrine.overlay vitrine.modules=9p,9pnet_virtio init=/run/vitrine/desktop-init",
            "-chardev", f"file,id=console,path={args.console}", "-serial", "chardev:console",
            "-chardev", f"socket,id=qmp,fd={fds['qmp']}", "-mon", "chardev=qmp,mode=control",
            "-drive", f"{drive},id=root,readonly=on,file={args.root}",
            "-device", "virtio-blk-pci,drive=root",
            "-drive", f"{drive},id=disks,snapshot=on,file={args.disks}",
            "-device", "virtio-blk-pci,drive=disks",
            "-device", "virtio-rng-pci", "-device", "virtio-keyboard-pci",
            "-device", "virtio-tablet-pci", "-device", "virtio-mouse-pci",
            *(word for number, kind in enumerate(User.EXTRA, 1) for word in
              ("-device", f"pcie-root-port,id=port-{kind},chassis={number}")),
            "-device", "virtio-serial-pci",
            # whose driver is loaded by the tests that want a DRM device, and by nothing else
            "-device", "virtio-gpu-pci",
        ]
        for name in cls.PORTS:
            command += ["-chardev", f"socket,id={name},fd={fds[name]}",
                        "-device", f"virtserialport,chardev={name},name={name}"]
        for share in args.share:
            tag, _, folder = share.partition("=")
            readonly = "" if tag == "out" else ",readonly=on"
            command += ["-virtfs", f"local,path={folder},mount_tag={tag},multidevs=remap,"
                        f"security_model=none{readonly}"]
        return command

    def failure(self, panicked):
        """Why QEMU has ended by itself. Nothing that runs in there may end it, whatever it does."""
        status = self.process.wait()
        if panicked:
            return Fault("the emulated machine's kernel panicked")
        if status < 0:
            return Fault(f"QEMU ended by signal {-status} ({signal.strsignal(-status)})")
        if status == 0:
            return Fault("the emulated machine was reset without a word of its kernel, as by a triple fault")
        return Failure(f"QEMU ended with status {status}")

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.log.close()


def relay(machine, args):
    """Serves the ports until the command has ended; returns its exit status."""
    deadline = time.monotonic() + args.timeout
    sockets = machine.sockets
    outputs = {sockets["out"]: sys.stdout.buffer, sockets["err"]: sys.stderr.buffer}
    lines = collections.defaultdict(bytes)
    user = None
    status = None

    selector = selectors.DefaultSelector()
    for name in Machine.PORTS:
        selector.register(sockets[name], selectors.EVENT_READ)
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise Timeout(f"timed out after {args.timeout} s")
        # once the status is in, only what was written before it is still to come
        ready = selector.select(min(left, STALL_LOOK) if status is None else 0.2)
        if not ready and status is None and console_has(args.console, STALL):
            raise Fault("a processor of the emulated machine stands still")
        if not ready and status is not None:
            return status
        for key, _ in ready:
            sock = key.fileobj
            data = sock.recv(65536)
            if not data:
                if status is not None:
                    return status
                raise machine.failure(console_has(args.console, PANIC))
            if sock in outputs:
                outputs[sock].write(data)
                outputs[sock].flush()
                continue
            *whole, lines[sock] = (lines[sock] + data).split(b"\n")
            for line in whole:
                words = line.decode(errors="replace")
                if sock is sockets["ctl"]:
                    status = int(words.removeprefix("exit "))
                    continue
                user = user or User(Qmp(sockets["qmp"]), args.width, args.height)
                sock.sendall(user.request(words).encode() + b"\n")


def parse_args():
    parser = argparse.ArgumentParser()
    for name in ("kernel", "initrd", "root", "disks", "console", "qemu-root"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--qemu")
    parser.add_argument("--share", action="append", default=[])
    parser.add_argument("--timeout", type=int, default=600)
    parser.add_argument("--cpus", type=int, default=2)
    parser.add_argument("--memory", type=int, default=4096)
    parser.add_argument("--width", type=int, required=True)
    parser.add_argument("--height", type=int, required=True)
    parser.add_argument("--verbose", action="store_true")
    return parser.parse_args()


def console_has(console, pattern):
    """Whether the emulated machine's kernel has said that its processors do what none should.

    Before or under anything of ours: on a busy machine QEMU's emulation loses a processor's timer in about
    one start of fifty, and now and then what a processor had before it ran a guest (HACKING.md).
    """
    try:
        with open(console, "rb") as file:
            return pattern.search(file.read()) is not None
    except OSError:
        return False


def tail(path, count=40):
    try:
        with open(path, "rb") as file:
            return b"\n".join(file.read().rstrip().splitlines()[-count:]).decode(errors="replace")
    except OSError:
        return ""


def main():
    args = parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    machine = Machine(args)
    status = 125
    try:
        status = relay(machine, args)
    except Failure as failure:
        status = failure.status
        print(f"desktop: {failure}", file=sys.stderr)
    except KeyboardInterrupt:
        status = 130
    finally:
        machine.end()
    if status in (123, 124, 125) or args.verbose:
        for path in (args.console + ".qemu", args.console):
            text = tail(path, 400 if args.verbose else 40)
            if text:
                print(f"desktop: the end of {os.path.basename(path)}:\n{text}", file=sys.stderr)
    sys.exit(status)


if __name__ == "__main__":
    main()
