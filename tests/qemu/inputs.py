#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux's virtio_input, and libinput on top of it, make of the guest's input devices what they are: a
keyboard, an absolute pointer or one for each monitor, a mouse, a touchscreen and a pen; events arrive as
they were sent, and LEDs come back."""
# timeout: 240
import contextlib
import os
import re
import subprocess
import tempfile

from bed import MEMORY, Process, fail, main
from qemu import environment, qemu

CAPABILITIES = {"keyboard": "k", "pointer": "p", "mouse": "p", "touchscreen": "t", "pen": "T",
                "pointer 1": "p", "pointer 2": "p"}
COMMAND = ("stdbuf -oL libinput debug-events & IFS= read -r line </dev/ttyS0; "
           "for led in /sys/class/leds/*::capslock/brightness; do echo 1 >$led; done; "
           "IFS= read -r line </dev/ttyS0")


class Devices(Process):
    """Our devices, and who uses them."""

    def __init__(self, folder):
        super().__init__("inputs", [os.environ["INPUTS"], folder], stdin=subprocess.PIPE)
        self.line("^ready", 20)

    def do(self, *commands):
        for command in commands:
            self.process.stdin.write(command.encode() + b"\n")
            self.process.stdin.flush()
            self.line("^ok", 20)


def boot(stack, folder):
    root = os.environ["QEMU_ROOT"]
    words = [*qemu(root), "-machine", "q35,memory-backend=ram", "-accel", "tcg,thread=multi",
             "-cpu", "max,-avx,-avx2,-fma,-f16c", "-smp", "2", "-m", str(MEMORY),
             "-object", f"memory-backend-memfd,id=ram,size={MEMORY}M,share=on",
             "-kernel", os.environ["GUEST_KERNEL"], "-initrd", os.environ["GUEST_INITRD"],
             "-serial", "stdio",
             "-drive", f"if=none,id=root,format=raw,readonly=on,file={os.environ['GUEST_ROOT']}",
             "-device", "virtio-blk-pci,drive=root"]
    for name in CAPABILITIES:
        port = name.replace(" ", "-")
        words += ["-chardev", f"socket,id={port},path={folder}/{name}",
                  "-device", f"vhost-user-input-pci,chardev={port}"]
    guest = Process("guest", [*words, "-append", "console=ttyS0 quiet mitigations=off "
                    f'no_timer_check root=/dev/vda vitrine.overlay vitrine.exec="{COMMAND}"'], stdin=subprocess.PIPE,
                    stderr=subprocess.STDOUT, env=environment(root))
    stack.callback(guest.end)
    return guest


def answer(guest):
    guest.process.stdin.write(b"\n")
    guest.process.stdin.flush()


def test():
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vitrine-qemu-"))
        devices = Devices(folder)
        stack.callback(devices.end)
        guest = boot(stack, folder)
        guest.line("root after", 60)
        for name, letter in CAPABILITIES.items():
            guest.taken = 0  # in whatever order, and QEMU's own keyboard among them
            guest.line(f"DEVICE_ADDED +vitrine {name}  .*cap:{letter}", 60)

        devices.do("key 30 1", "key 30 0")
        guest.line(r"KEYBOARD_KEY.*(KEY_A|\*\*\*).*pressed", 20)
        guest.line(r"KEYBOARD_KEY.*released", 20)
        devices.do("rel 7 -3")
        guest.line(r"POINTER_MOTION .*\(\s*\+?7\.00/\s*-3\.00\)", 20)
        devices.do("button 272 1", "button 272 0")
        guest.line(r"POINTER_BUTTON.*BTN_LEFT.*pressed", 20)
        guest.line(r"POINTER_BUTTON.*BTN_LEFT.*released", 20)
        devices.do("wheel 0 60", "wheel 0 60")
        guest.line(r"POINTER_SCROLL_WHEEL.*vert (7\.50/60|15\.00/120)", 20)
        devices.do("abs 500 250")
        guest.line(r"POINTER_MOTION_ABSOLUTE.*50\.00/\s*25\.00", 20)

        devices.do("down 7 250 500", "down 9 750 500", "move 9 750 750", "up 7", "up 9")
        guest.line(r"TOUCH_DOWN.*0 \(0\) 25\.00/\s*50\.00", 20)
        guest.line(r"TOUCH_DOWN.*1 \(1\) 75\.00/\s*50\.00", 20)
        guest.line(r"TOUCH_MOTION.*1 \(1\) 75\.00/\s*75\.00", 20)
        guest.line(r"TOUCH_UP.*0 \(0\)", 20)
        guest.line(r"TOUCH_UP.*1 \(1\)", 20)

        devices.do("pen 500 500 0 45", "pen 500 500 800 45", "pen 250 500 800 45", "away")
        guest.line(r"TABLET_TOOL_PROXIMITY.*pen.*proximity-in", 20)
        guest.line(r"TABLET_TOOL_TIP.*down", 20)
        guest.line(r"TABLET_TOOL_AXIS.*tilt: 4[45]\.", 20)
        guest.line(r"TABLET_TOOL_PROXIMITY.*proximity-out", 20)

        # each monitor's own: which one it is stands before the event; libinput keeps no order between devices
        devices.do("each")
        first, second = (re.search(rf"^.(event\d+) +DEVICE_ADDED +vitrine pointer {number} ", guest.seen,
                                   re.M).group(1) for number in (1, 2))
        for scanout, pointer, x, y in (1, second, 50, 25), (0, first, 75, 50), (1, second, 50, 25):
            devices.do(f"at {scanout} {x}0 {y}0")
            guest.line(rf"{pointer} +POINTER_MOTION_ABSOLUTE.*{x}\.00/\s*{y}\.00", 20)
        devices.do("button 273 1", "button 273 0")
        guest.line(rf"{second} +POINTER_BUTTON.*BTN_RIGHT.*pressed", 20)
        guest.line(rf"{second} +POINTER_BUTTON.*BTN_RIGHT.*released", 20)

        answer(guest)
        devices.line("^leds: 2", 20)
        answer(guest)
        if guest.ends(60) != 0:
            fail("QEMU's exit status")
        if devices.ends(20) != 0:
            fail("the devices' exit status")


main(test)
