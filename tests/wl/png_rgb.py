#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""png_rgb.py FILE.png: writes the picture as a PPM to stdout, where there is no pngtopnm.
For pictures as cairo writes them: 8 bits a channel, RGB or RGBA, not interlaced."""
import struct
import sys
import zlib


def chunks(data):
    at = 8
    while at < len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8:at + 8 + length]
        at += length + 12


def paeth(a, b, c):
    p = a + b - c
    da, db, dc = abs(p - a), abs(p - b), abs(p - c)
    return a if da <= db and da <= dc else b if db <= dc else c


def unfilter(kind, row, above, size):
    if kind == 2:  # by far the most frequent, with 0
        return bytearray((x + y) & 255 for x, y in zip(row, above))
    for i in range(len(row) if kind else 0):
        left = row[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        guess = {1: left, 3: (left + above[i]) // 2, 4: paeth(left, above[i], corner)}[kind]
        row[i] = (row[i] + guess) & 255
    return row


def main():
    with open(sys.argv[1], "rb") as file:
        parts = list(chunks(file.read()))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", parts[0][1])
    if depth != 8 or colour not in (2, 6) or interlaced:
        sys.exit("not a picture of that kind")
    size = 3 if colour == 2 else 4
    raw = zlib.decompress(b"".join(data for kind, data in parts if kind == b"IDAT"))
    out = sys.stdout.buffer
    out.write(f"P6\n{width} {height}\n255\n".encode())
    row, stride = bytearray(width * size), width * size + 1
    for y in range(height):
        line = raw[y * stride:(y + 1) * stride]
        row = unfilter(line[0], bytearray(line[1:]), row, size)
        if size == 4:
            rgb = bytearray(width * 3)
            for i in range(3):
                rgb[i::3] = row[i::4]
            out.write(rgb)
        else:
            out.write(row)


main()
