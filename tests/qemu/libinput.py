#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host's devices through libinput: QEMU's Linux is the host here, with QEMU's keyboard, mouse and
touchscreen, and tests/qemu/devices.c stands for the VM. What reaches the guest's devices, what reaches
another reader of the same device, unplugging, LEDs, a seat, and what can't be had."""
# timeout: 180
import contextlib
import os
import socket
import subprocess

from bed import OUT, Process, fail, main
from emulator import Qmp, User
from qemu import environment, qemu

# What the host does. Its touchscreen is on another seat before anyone sees it.
SCRIPT = r"""#!/bin/bash
mkdir -p /run/udev/rules.d
echo 'SUBSYSTEM=="input", ATTRS{name}=="QEMU Virtio MultiTouch*", ENV{ID_SEAT}="seat1"' \
	>/run/udev/rules.d/99-seat1.rules
udevadm control --reload
udevadm trigger --action=add --subsystem-match=input
udevadm settle
modprobe uinput
node() {
	grep -l -x "$1" /sys/class/input/event*/device/name | sort -V |
		sed -n "${2:-1}s,.*/\(event[0-9]*\)/.*,/dev/input/\1,p"
}
keyboard=$(node 'QEMU Virtio Keyboard' 2) mouse=$(node 'QEMU Virtio Mouse')
echo "keyboard $keyboard mouse $mouse"
for bad in device=/dev/input/event99 device=/dev/null device=/etc/hostname seat=seat9; do
	/run/vitrine/devices $bad 2>&1 </dev/null | sed "s,^,bad $bad: ,"
done
exec </dev/ttyS0
stty -echo
/run/vitrine/devices "device=$keyboard,grab" "device=$mouse,grab,accel=flat,left-handed,tap" \
	seat=seat1,focus=always 2>&1
echo second
/run/vitrine/devices shared seat=seat0 2>&1
"""


class Host(Process):
    """The Linux whose devices they are."""

    def __init__(self, stack):
        ours, theirs = socket.socketpair()
        root = os.environ["QEMU_ROOT"]
        script = os.path.join(OUT, "host-steps")
        initrd = os.path.join(OUT, "initrd")
        with open(script, "w", encoding="utf-8") as file:
            file.write(SCRIPT)
        os.chmod(script, 0o755)
        self.add_to_initrd(script, initrd)
        words = [*qemu(root), "-machine", "q35", "-accel", "tcg,thread=multi",
                 "-cpu", "max,-avx,-avx2,-fma,-f16c", "-smp", "2", "-m", "768",
                 "-kernel", os.environ["GUEST_KERNEL"], "-initrd", initrd, "-serial", "stdio",
                 "-chardev", f"socket,id=qmp,fd={theirs.fileno()}", "-mon", "chardev=qmp,mode=control",
                 "-drive", f"if=none,id=root,format=raw,readonly=on,file={os.environ['GUEST_ROOT']}",
                 "-device", "virtio-blk-pci,drive=root", "-device", "virtio-mouse-pci",
                 "-device", "virtio-multitouch-pci", "-device", "virtio-keyboard-pci"]
        words += ["-device", "pcie-root-port,id=port-keyboard,chassis=1",
                  "-device", "virtio-keyboard-pci,id=extra-keyboard,bus=port-keyboard"]
        super().__init__("host", [*words, "-append",
                         "console=ttyS0 quiet mitigations=off root=/dev/vda vitrine.overlay "
                         'vitrine.exec="/run/vitrine/host-steps"'], stdin=subprocess.PIPE,
                         stderr=subprocess.STDOUT, env=environment(root), pass_fds=[theirs.fileno()])
        theirs.close()
        stack.callback(self.end)
        self.user = User(Qmp(ours), 1000, 1000)

    @staticmethod
    def add_to_initrd(script, initrd):
        folder = os.path.join(OUT, "more", "run", "vitrine")
        os.makedirs(folder, exist_ok=True)
        with open(script, "rb") as file, open(os.path.join(folder, "host-steps"), "wb") as copy:
            copy.write(file.read())
        os.chmod(os.path.join(folder, "host-steps"), 0o755)
        archive = subprocess.run(["cpio", "--quiet", "-R", "0:0", "-o", "-H", "newc"],
                                 cwd=os.path.join(OUT, "more"), check=True, stdout=subprocess.PIPE,
                                 input=b"run\nrun/vitrine\nrun/vitrine/host-steps\n").stdout
        with open(os.environ["GUEST_INITRD"], "rb") as old, open(initrd, "wb") as new:
            new.write(old.read() + archive)

    def do(self, command, answer="^ok"):
        self.process.stdin.write(command.encode() + b"\n")
        self.process.stdin.flush()
        return self.line(answer, 20).group()

    def number(self, command, word):
        number = int(self.do(command, f"^{word}: .*").split()[-1])
        self.line("^ok", 20)
        return number

    def got(self, event, timeout=20):
        return self.line(f"^got: {event}$", timeout)


def what_is_wrong_is_one_line(host):
    for spec, line in (("device=/dev/input/event99", "No such file.*vitrine input list"),
                       ("device=/dev/null", "no input device"), ("device=/etc/hostname", "no input device"),
                       ("seat=seat9", "seat9.*seat0.*seat1|seat9.*seat1.*seat0")):
        host.line(f"bad {spec}: .*error.*(?:{line})", 60)


def grabbed_devices(host, keyboard):
    host.line("takes no tap", 60)
    host.line("devices: touchscreen 1, pen 0", 20)
    host.line("^ready", 20)
    host.do(f"reader {keyboard}")

    # nobody's window has the focus
    host.user.key("a", True)
    host.user.key("a", False)
    while host.number("read", "read") == 0:
        pass
    host.do("focus")
    if "got: keyboard" in host.seen:
        fail("a key came without the focus")

    # grabbed: the guest's and nobody else's
    host.user.key("b", True)
    host.got("keyboard 1 48 1")
    host.user.key("b", False)
    host.got("keyboard 1 48 0")
    if host.number("read", "read"):
        fail("another reader got a key of the grabbed keyboard")
    host.user.do_rel("7", "-3")
    host.got("mouse 2 0 7")
    host.got("mouse 2 1 -3")

    # LEDs are the guest's meanwhile
    before = host.number(f"lit {keyboard}", "lit")
    host.do("led 1 1")
    if host.number(f"lit {keyboard}", "lit") != 2:
        fail("caps lock is not lit")

    # the hotkey lets go of it, with nothing of it in the guest; and takes it back
    for _ in range(2):
        for name in ("ctrl", "ctrl_r"):
            host.user.key(name, True)
        for name in ("ctrl_r", "ctrl"):
            host.user.key(name, False)
        host.user.key("c", True)
        host.user.key("c", False)
        if _ == 0:
            while host.number("read", "read") == 0:
                pass
            if host.number(f"lit {keyboard}", "lit") != before:
                fail("the host's LEDs are not as they were")
            if "got: keyboard 1 46" in host.seen:
                fail("a key came although the keyboard is let go of")
    host.got("keyboard 1 46 1")
    host.got("keyboard 1 46 0")
    host.number("read", "read")  # what it has of the second hotkey


def a_seat_of_its_own(host):
    host.user.do_touch("down", "0", "500", "250")
    host.got("touchscreen 3 57 [0-9]*")
    host.got("touchscreen 3 53 16[0-9]*")
    host.got("touchscreen 1 330 1")
    host.user.do_touch("up", "0")
    host.got("touchscreen 1 330 0")


def unplugged(host, keyboard):
    host.user.key("d", True)
    host.got("keyboard 1 32 1")
    host.user.do_unplug("keyboard")
    host.got("keyboard 1 32 0", 40)
    host.line(f"{keyboard} is gone", 20)
    host.user.do_plug("keyboard")
    host.line(f"{keyboard} is QEMU", 40)
    host.do("focus")
    host.user.key("e", True)
    host.got("keyboard 1 18 1")
    # the end of the focus is the end of the grab and of the key; the seat goes on without it
    host.do("unfocus")
    if "got: keyboard 1 18 0" not in host.seen:
        fail("a key is stuck without the focus")
    host.user.key("e", False)
    a_seat_of_its_own(host)


def shared_devices(host):
    host.line("^second", 20)
    host.line("^ready", 60)
    host.do("focus")
    host.user.key("f", True)
    host.user.key("f", False)
    host.user.do_rel("2", "2")
    host.number("lit /dev/null", "lit")  # by now they were read, and were not ours to tell
    host.do("lock")
    host.do("inhibit")
    host.user.do_rel("9", "0")
    host.got("mouse 2 0 9")
    host.user.key("g", True)
    host.got("keyboard 1 34 1")
    host.user.key("g", False)
    host.got("keyboard 1 34 0")
    if "got: keyboard 1 33" in host.seen or "got: mouse 2 0 2\n" in host.seen:
        fail("what the compositor tells came from the device, too")


def strange_devices(host):
    for low, high in ((-2147483648, 2147483647), (0, 0), (100, -100), (2147483646, 2147483647)):
        host.do(f"make {low} {high}")
        host.do(f"click {high}")
        host.do("unmake")
    host.do("make 0 1000")
    host.line("is strange", 20)
    host.do("flood 100000")
    host.do("unmake")
    host.line("is gone", 30)
    host.do("quit")
    held = 0
    for line in host.seen.split("second\n")[-1].splitlines():
        if line.startswith("got: pointer 1 272 ") or line.startswith("got: mouse 1 272 "):
            held = int(line.split()[-1])
    if held:
        fail("a button is stuck after a flood")


def test():
    with contextlib.ExitStack() as stack:
        host = Host(stack)
        keyboard = host.line(r"^keyboard /dev/input/event\d+ mouse", 90).group().split()[1]
        what_is_wrong_is_one_line(host)
        grabbed_devices(host, keyboard)
        a_seat_of_its_own(host)
        unplugged(host, keyboard)
        host.do("quit")
        shared_devices(host)
        strange_devices(host)
        if host.ends(60) != 0:
            fail("QEMU's exit status")
        if "exit status 0" not in host.seen:
            fail("the program did not end well")


main(test)
