#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""picture.py: what is in a picture of the desktop. A box is WxH+X+Y.

find FILE RRGGBB...      the box that holds all runs of 32 or more pixels of that colour; of the first
                         one that is there
hues FILE BOX            how many of the box's pixels are plainly red, green and blue; of sixteen, one is
                         looked at, since where this runs everything takes its time
count FILE RRGGBB BOX    how many of the box's pixels are of that colour
coloured FILE BOX        how many of the box's pixels are of any colour, and not grey
checker FILE RRGGBB RRGGBB
                         the box that holds a checkerboard of single pixels of these colours, whole
changed FILE OTHER BOX   in how many of the box's rows the two pictures differ
"""
import re
import subprocess
import sys

RUN = 32  # pixels: longer than what letters and icons have of any colour


def read_picture(name):
    """Width, height, and the bytes of each row."""
    data = subprocess.run(["pngtopnm", name], stdout=subprocess.PIPE, check=True).stdout
    magic, width, height, depth, _ = data.split(maxsplit=4)
    width, height = int(width), int(height)
    if magic != b"P6" or depth != b"255":
        sys.exit(f"{name} is no colour picture")
    pixels = data[-width * height * 3:]
    return width, height, [pixels[y * width * 3:(y + 1) * width * 3] for y in range(height)]


def find_pixels(row, pixels, start=0):
    """The first pixel, from start on, at which the bytes are; -1 without."""
    at = row.find(pixels, start * 3)
    while at % 3 and at >= 0:
        at = row.find(pixels, at + 1)
    return at // 3


def crop(name, box):
    width, height, left, top = (int(n) for n in re.fullmatch(r"(\d+)x(\d+)\+(\d+)\+(\d+)",
                                                             box).groups())
    return [row[left * 3:(left + width) * 3] for row in read_picture(name)[2][top:top + height]]


def find(name, *colours):
    width, _, rows = read_picture(name)
    for colour in colours:
        pixel = bytes.fromhex(colour)
        left, right, found = width, 0, []
        for y, row in enumerate(rows):
            x = find_pixels(row, pixel * RUN)
            if x < 0:
                continue
            found.append(y)
            left = min(left, x)
            while x >= 0:
                while row[x * 3:x * 3 + 3] == pixel:
                    x += 1
                right = max(right, x)
                x = find_pixels(row, pixel * RUN, x)
        if found:
            return f"{right - left}x{found[-1] - found[0] + 1}+{left}+{found[0]}"
    return sys.exit(f"{name} has nothing in {' or '.join(colours)}")


def checker(name, one, other):
    width, height, rows = read_picture(name)
    one, other = bytes.fromhex(one), bytes.fromhex(other)
    for y, row in enumerate(rows):
        left = find_pixels(row, (one + other) * RUN)
        if left < 0:
            continue
        right = left
        while row[right * 3:right * 3 + 3] == (one, other)[(right - left) % 2]:
            right += 1
        expected = [((one, other) * width)[i:i + right - left] for i in range(2)]
        bottom = y
        while bottom < height and rows[bottom][left * 3:right * 3] == b"".join(
                expected[(bottom - y) % 2]):
            bottom += 1
        return f"{right - left}x{bottom - y}+{left}+{y}"
    return sys.exit(f"{name} has no checkerboard")


def hues(name, box):
    counts = [0, 0, 0]
    for row in crop(name, box)[::4]:
        for x in range(0, len(row), 12):
            pixel = row[x:x + 3]
            high = max(pixel)
            if high >= 96 and sorted(pixel)[1] < high * 0.6:
                counts[pixel.index(high)] += 1
    return " ".join(str(count) for count in counts)


def count(name, colour, box):
    pixel = bytes.fromhex(colour)
    return sum(row[x:x + 3] == pixel for row in crop(name, box) for x in range(0, len(row), 3))


def coloured(name, box):
    return sum(max(row[x:x + 3]) - min(row[x:x + 3]) > 64
               for row in crop(name, box) for x in range(0, len(row), 3))


def changed(name, other, box):
    return sum(a != b for a, b in zip(crop(name, box), crop(other, box)))


if __name__ == "__main__":
    print({"find": find, "count": count, "coloured": coloured, "checker": checker, "hues": hues,
           "changed": changed}[sys.argv[1]](*sys.argv[2:]))
