#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""glmark2.py DIR: what came of the runs whose logs are in DIR, CARD.SIZE.ROUND.log: the frames a second
of each scene with either graphics card, the better of the rounds, since what else the machine does only
ever takes away."""
import pathlib
import re
import sys


def frames(card, size):
    best = {}
    for log in pathlib.Path(sys.argv[1]).glob(f"{card}.{size}.*.log"):
        text = log.read_text(errors="replace")
        for scene, fps in re.findall(r"^\[(\w+)\].*FPS: (\d+)", text, re.MULTILINE):
            best[scene] = max(best.get(scene, 0), int(fps))
    return best


def compare(size):
    qemu, vitrine = frames("qemu", size), frames("vitrine", size)
    product, both = 1.0, sorted(qemu.keys() & vitrine.keys())
    if not both:
        sys.exit(f"no scene ran with both at {size}")
    print(f"{size:14} {'QEMU':>6} {'vitrine':>8}  ratio")
    for scene in both:
        ratio = vitrine[scene] / max(qemu[scene], 1)
        product *= ratio
        print(f"{scene:14} {qemu[scene]:6} {vitrine[scene]:8}  {ratio:.2f}")
    print(f"{'all':14} {'':6} {'':8}  {product ** (1 / len(both)):.2f}")


for name in sorted({log.name.split(".")[1] for log in pathlib.Path(sys.argv[1]).glob("*.*.*.log")},
                   key=lambda size: int(size.split("x")[0])):
    compare(name)
