#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quarters.py FILE.png WxH: finds the four coloured quarters that tests/guest/flip.c draws in a
picture of the desktop, asserts that every pixel of them is right, and prints where they are."""
import sys

from picture import find_pixels, read_picture

COLOURS = [[b"\xff\x00\x00", b"\x00\xff\x00"], [b"\x00\x00\xff", b"\xff\xff\x00"]]


def main():
    name, size = sys.argv[1:]
    want_w, want_h = (int(n) for n in size.split("x"))
    rows = read_picture(name)[2]
    top = COLOURS[0][0] * (want_w // 2) + COLOURS[0][1] * (want_w - want_w // 2)
    low = COLOURS[1][0] * (want_w // 2) + COLOURS[1][1] * (want_w - want_w // 2)
    for y, row in enumerate(rows):
        x = find_pixels(row, top)
        if x >= 0:
            break
    else:
        sys.exit("the quarters are not in the picture")
    for i in range(want_h):
        expected = top if i < want_h // 2 else low
        if rows[y + i][x * 3:x * 3 + len(expected)] != expected:
            sys.exit(f"row {i} of the guest's picture is wrong")
    print(f"{want_w}x{want_h}+{x}+{y}")


main()
