#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The host's devices through libinput: QEMU's Linux is the host here, with QEMU's keyboard, mouse and
touchscreen, and tests/qemu/devices.c stands for the VM. What reaches the guest's devices, what reaches
another reader of the same device, unplugging, LEDs, a seat, and what can't be had. Touchpad, pen, a fine wheel
and a switch are uinput's (tests/qemu/puppet.c)."""
# timeout: 240
import contextlib
import os
import re
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
/run/vitrine/devices device=$mouse device=$mouse,grab 2>&1 | sed 's,^,bad twice: ,'
nobody() {
	echo quit | setpriv --reuid 65534 --regid 65534 --clear-groups /run/vitrine/devices "$@" 2>&1
}
for denied in device=$mouse seat=seat0; do
	nobody $denied | sed "s,^,nobody $denied: ,"
done
nobody auto | sed 's,^,nobody auto: ,'
nobody list | sed 's,^,nobody list: ,'
exec </dev/ttyS0
stty -echo
/run/vitrine/devices "device=$keyboard,grab" "device=$mouse,grab,accel=flat,left-handed,tap" \
	seat=seat1,focus=always 2>&1
echo second
/run/vitrine/devices shared seat=seat0 2>&1
echo third
/run/vitrine/devices seat=seat0,tap 2>&1
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
                         "console=ttyS0 quiet mitigations=off no_timer_check root=/dev/vda vitrine.overlay "
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
                       ("seat=seat9", "seat9.*seat0.*seat1|seat9.*seat1.*seat0"),
                       ("twice", "named before")):
        host.line(f"bad {spec}: .*error.*(?:{line})", 60)


def what_may_not_be_opened_says_how_it_may(host):
    host.line("nobody device=.*: you may not open it; join the group input, or have a udev rule", 20)
    host.line("nobody seat=seat0: .*you may not open any of its devices; join the group input", 20)
    host.line("nobody auto: ready", 20)  # with the windows' own input, and no word about the rest
    if re.search("nobody auto: .*(error|warning)", host.seen):
        fail("what auto can do without is complained of")
    host.line("nobody list: DEVICE +SEAT +IS +MAY OPEN +NAME", 20)
    host.line(r"nobody list: /dev/input/event\d+ +seat1 +mouse, touchscreen +no: group \w+ +QEMU Virtio M",
              20)


def other_reads_it(host):
    """Until the other program has read a key's press and release."""
    count = 0
    for _ in range(200):
        count += host.number("read", "read")
        if count >= 2:
            return
    fail("another reader gets no key of a keyboard that nobody holds")


def grabbed_devices(host, keyboard):
    host.line("takes no tap", 60)
    host.line("devices: touchscreen 1, pen 0", 20)
    host.line("^ready", 20)
    host.do(f"reader {keyboard}")

    # nobody's window has the focus
    host.user.key("a", True)
    host.user.key("a", False)
    other_reads_it(host)
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
        host.line(f"{keyboard} is {'held' if _ else 'let go of'}", 20)
        host.user.key("c", True)
        host.user.key("c", False)
        if _ == 0:
            other_reads_it(host)
            if host.number(f"lit {keyboard}", "lit") != before:
                fail("the host's LEDs are not as they were")
            if "got: keyboard 1 46" in host.seen:
                fail("a key came although the keyboard is let go of")
    host.got("keyboard 1 46 1")
    host.got("keyboard 1 46 0")
    host.number("read", "read")  # what it has of the second hotkey


def another_holds_it(host):
    """As another VM does that has not heard yet that the focus is no longer its."""
    host.do("unfocus")
    host.number("read", "read")
    host.do("contend")
    for _ in range(100):
        host.user.key("h", True)
        host.got("keyboard 1 35 1")
        host.user.key("h", False)
        host.got("keyboard 1 35 0")
        if host.number("read", "read") == 0:
            break
    else:
        fail("a keyboard that another program let go of is not held")
    if "can't be held" in host.seen:
        fail("a grab that was had was said not to be")


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


def place(slot, x, y):
    return f"3 47 {slot} 3 53 {x} 3 54 {y} "


def put_down(host, *fingers):
    """Puts fingers on the touchpad, and moves them all on its way, in steps of half a millimetre."""
    host.do("emit " + "".join(f"3 47 {i} 3 57 {i + 1} " + place(i, x, y) for i, (x, y) in
                              enumerate(fingers)) + f"1 330 1 1 {TOOLS[len(fingers)]} 1 0 0 0")


def lift(host, count):
    host.do("emit " + "".join(f"3 47 {i} 3 57 -1 " for i in range(count))
            + f"1 330 0 1 {TOOLS[count]} 0 0 0 0")


def slide(host, dx, dy, *fingers):
    put_down(host, *fingers)
    for step in range(1, 25):
        host.do("emit " + "".join(place(i, x + step * dx, y + step * dy)
                                  for i, (x, y) in enumerate(fingers)) + "0 0 0")
    lift(host, len(fingers))


TOOLS = {1: 325, 2: 333, 3: 334}  # BTN_TOOL_FINGER, _DOUBLETAP, _TRIPLETAP


def puppet(host, kind):
    host.do(f"new {kind}")
    host.line(rf"/dev/input/event\d+ is {kind}$", 20)


def unmake(host):
    host.do("unmake")
    host.line(r"/dev/input/event\d+ is gone$", 20)


def got_behind(host, where, *events):
    """All of these, in whatever order, behind that place of what was seen."""
    for event in events:
        host.taken = where
        host.got(event)


def got_since(host, where):
    return [tuple(line.split()[1:]) for line in host.seen[where:].splitlines()
            if line.startswith("got: ")]


def heard_all(host, where):
    """What came since then; the key is behind it."""
    host.user.key("z", True)
    host.user.key("z", False)
    host.got("keyboard 1 44 0")
    return [event for event in got_since(host, where) if event[2] != "44"]


def touchpad(host):
    puppet(host, "touchpad")
    where = len(host.seen)
    slide(host, 20, 0, (1500, 1000))
    got_behind(host, where, "mouse 2 0 [1-9].*")
    host.do("emit 3 47 0 3 57 9 3 53 1500 3 54 1000 1 330 1 1 325 1 0 0 0 "
            "3 57 -1 1 330 0 1 325 0 0 0 0")  # a tap
    host.got("mouse 1 272 1")
    host.got("mouse 1 272 0")
    where = len(host.seen)
    slide(host, 0, 20, (1500, 800), (2300, 800))
    got_behind(host, where, "mouse 2 11 -[1-9].*")
    where = len(host.seen)
    slide(host, 20, 0, (1000, 1000), (1600, 900), (2200, 1000))
    if heard_all(host, where):
        fail(f"a swipe of three fingers is told as {heard_all(host, where)}")
    unmake(host)


def pen(host):
    puppet(host, "tablet")
    where = len(host.seen)
    host.do("emit 1 320 1 3 0 15000 3 1 5000 3 25 30 3 26 32 3 27 -32 0 0 0")
    got_behind(host, where, "pen 1 320 1", "pen 3 0 1638[0-9]", "pen 3 1 819[0-9]", "pen 3 26 3[12]",
               "pen 3 27 -3[12]")
    host.do("emit 3 25 0 3 24 2048 1 330 1 0 0 0")
    got_behind(host, where, "pen 3 24 [34][0-9]*", "pen 1 330 1")
    host.do("emit 1 331 1 0 0 0")
    host.got("pen 1 331 1")
    host.do("emit 1 331 0 3 24 0 1 330 0 0 0 0")
    got_behind(host, where, "pen 1 331 0", "pen 1 330 0")
    host.do("emit 1 320 0 0 0 0")
    host.got("pen 1 320 0")
    host.do("emit 1 321 1 3 0 3000 3 25 20 0 0 0")
    host.got("pen 1 321 1")
    unmake(host)  # and with it, its eraser goes
    if "got: pen 1 321 0" not in host.seen:
        fail("the eraser of a tablet that is gone is still there")


def fine_wheel(host):
    """libinput holds the first motion back until it is half a detent, and forgets less after a pause."""
    puppet(host, "wheel")
    for code, whole, total in (11, 8, 240), (12, 6, -240):
        where = len(host.seen)
        host.do("emit " + f"2 {code} {total // 8} 0 0 0 " * 8)
        fine = []
        while sum(fine) != total:
            fine.append(int(host.line(f"^got: mouse 2 {code} (-?[0-9]+)$", 20).group(1)))
        if len(fine) < 4:
            fail(f"the fine wheel told {fine}")
        got_behind(host, where, f"mouse 2 {whole} {total // 240}")
        host.got(f"mouse 2 {whole} {total // 240}")
    unmake(host)


def a_switch_is_the_hosts(host):
    puppet(host, "switch")
    where = len(host.seen)
    host.do("emit 5 0 1 0 0 0")
    host.do("emit 5 0 0 0 0 0")
    if heard_all(host, where):
        fail("a switch is told")
    unmake(host)


def test():
    with contextlib.ExitStack() as stack:
        host = Host(stack)
        keyboard = host.line(r"^keyboard /dev/input/event\d+ mouse", 90).group().split()[1]
        what_is_wrong_is_one_line(host)
        what_may_not_be_opened_says_how_it_may(host)
        grabbed_devices(host, keyboard)
        another_holds_it(host)
        a_seat_of_its_own(host)
        unplugged(host, keyboard)
        host.do("quit")
        shared_devices(host)
        strange_devices(host)
        host.line("^third", 20)
        host.line("devices: touchscreen 0, pen 0", 20)
        host.line("^ready", 20)
        host.do("focus")
        touchpad(host)
        pen(host)
        fine_wheel(host)
        a_switch_is_the_hosts(host)
        host.do("quit")
        if host.ends(60) != 0:
            fail("QEMU's exit status")
        if "exit status 0" not in host.seen:
            fail("the program did not end well")


main(test)
