#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux's virtio_gpu and virtio_input drive our 2D graphics card, keyboard and tablet: a program that
flips shows in the window, every pixel right; keys, the pointer and its buttons arrive; the guest powers
off, and the display ends with it."""
# timeout: 120
from bed import bed, fail, main, quarters

WIDTH, HEIGHT, FLIPS = 400, 300, 50


def test():
    with bed("--gpu", "backend=2d", "--size", f"{WIDTH}x{HEIGHT}") as b:
        guest = b.boot("/run/vitrine/events & /run/vitrine/flip %d & "
                       "IFS= read -r line </dev/tty1; echo got: $line" % FLIPS)
        guest.line("flip: 400x300", 60)
        guest.line("flip: holding", 30)
        b.display.picture_where(lambda picture: picture == quarters(WIDTH, HEIGHT), 20)
        stats = b.stats()
        if stats["frames"]["presented"] < 3:  # one for each repaint: the flips wait for none
            fail(f"{FLIPS} flips made too few frames: {stats}")
        if stats["window"]["path"] != "shm" or stats["frames"]["bytes_copied"] == 0:
            fail(f"QEMU offers no blobs, so pixels are copied: {stats}")

        if "event: ready" not in guest.seen:
            guest.line("event: ready", 30)
        for name in ("keyboard", "pointer"):
            if f"is vitrine {name}" not in guest.seen.lower():
                fail(f"the guest has no {name}: {guest.seen}")
        b.display.do("enter 10 10")
        b.display.do("move 200 150")
        guest.line(r"event: \d 3 0 16\d\d\d", 20)  # ABS_X: half of the axis
        b.display.do("button 272 1")
        guest.line(r"event: \d 1 272 1", 20)
        b.display.do("button 272 0")
        guest.line(r"event: \d 1 272 0", 20)
        b.display.type("hello 42\n")
        guest.line("got: hello 42", 20)
        b.both_end()


main(test)
