#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Linux's virtio_gpu finds as many monitors as there are windows, with their sizes and millimetres, and
those that are not plugged in are not; each shows its own picture in a window of its own. (QEMU's
front-end takes no notice of what changes later: tests/desktop/resize.sh does.)"""
# timeout: 120
from bed import bed, fail, main

WIDTH, HEIGHT = 401, 303  # of no alignment


def test():
    with bed("--gpu", "backend=2d", "--display", f"size={WIDTH}x{HEIGHT},outputs=2",
             gpu="max_outputs=3") as b:
        guest = b.boot("/run/vitrine/follow & IFS= read -r line </dev/tty1; kill $!")
        guest.line("follow: 3 connectors", 60)
        # 96 dots an inch, as long as no window is on a screen; Linux takes them by the centimetre
        guest.line(f"follow: 1: {WIDTH}x{HEIGHT} 110x80 mm", 20)
        guest.line(f"follow: 2: {WIDTH}x{HEIGHT} 110x80 mm", 20)
        b.display.picture_where(lambda picture: picture and picture[:2] == (WIDTH, HEIGHT), 20)
        if "follow: 3:" in guest.seen:
            fail("the guest has a monitor that is not plugged in")
        monitors = b.stats()["window"]["monitors"]
        if sorted(monitors) != ["1", "2"]:
            fail(f"there are other monitors: {monitors}")
        b.display.do("enter 10 10")
        b.display.type("end\n")
        b.both_end()


main(test)
