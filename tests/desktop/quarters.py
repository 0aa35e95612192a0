#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""quarters.py FILE.png WxH: finds the four coloured quarters that tests/guest/flip.c draws in a
picture of the desktop, asserts that every pixel of them is right, and prints where they are."""
import subprocess
import sys

COLOURS = [[b"\xff\x00\x00", b"\x00\xff\x00"], [b"\x00\x00\xff", b"\xff\xff\x00"]]


def read_picture(name):
    data = subprocess.run(["pngtopnm", name], stdout=subprocess.PIPE, check=True).stdout
    magic, width, height, depth, pixels = data.split(maxsplit=4)
    size = int(width) * int(height) * 3
    if magic != b"P6" or depth != b"255":
        sys.exit(f"{name} is no colour picture")
    return int(width), int(height), data[-size:] if pixels else b""


def main():
    name, size = sys.argv[1:]
    want_w, want_h = (int(n) for n in size.split("x"))
    width, height, pixels = read_picture(name)
    rows = [pixels[y * width * 3:(y + 1) * width * 3] for y in range(height)]
    top = COLOURS[0][0] * (want_w // 2) + COLOURS[0][1] * (want_w - want_w // 2)
    low = COLOURS[1][0] * (want_w // 2) + COLOURS[1][1] * (want_w - want_w // 2)
    for y, row in enumerate(rows):
        x = row.find(top)
        while x % 3 and x >= 0:
            x = row.find(top, x + 1)
        if x >= 0:
            break
    else:
        sys.exit("the quarters are not in the picture")
    for i in range(want_h):
        expected = top if i < want_h // 2 else low
        if rows[y + i][x:x + len(expected)] != expected:
            sys.exit(f"row {i} of the guest's picture is wrong")
    print(f"{want_w}x{want_h}+{x // 3}+{y}")


main()
