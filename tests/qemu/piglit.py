#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A sample of piglit, every 15th test of tests/peers/piglit.list: what passes with QEMU's own graphics
card (tests/peers/piglit.results) passes with ours. A sample that an older Mesa passes, too: this one
runs with the host's, and tests/peers/piglit.sh, which runs them all, with Debian 13's."""
# timeout: 240
# image: piglit
import os

from bed import bed, fail, main

EVERY, FIRST = 15, 4
PEERS = os.path.join(os.path.dirname(__file__), "../peers")


def read(name):
    with open(os.path.join(PEERS, name), encoding="ascii") as file:
        return [line.strip() for line in file if line.strip() and not line.startswith("#")]


def test():
    sample = read("piglit.list")[FIRST::EVERY]
    passes = {test for qemu, _, test in (line.split(None, 2) for line in read("piglit.results"))
              if qemu == "pass"}
    with bed("--gpu", "backend=virgl", window=False) as b:
        guest = b.boot("grep -v '^#' /run/vitrine/piglit.list | "
                       f"awk '(NR - 1) % {EVERY} == {FIRST}' >/tmp/sample; "
                       "mkdir /tmp/piglit; mount -o ro /dev/vdb /tmp/piglit && cd /tmp/piglit && "
                       "python3 /run/vitrine/piglit.py /tmp/sample",
                       root=True, disk=os.path.join(os.environ["IMAGE_PIGLIT"], "piglit.ext4"))
        guest.line(f"piglit: end of {len(sample)} tests", 200)
        b.both_end()
    results = dict(reversed(line.split(" ", 2)[1:]) for line in guest.seen.splitlines()
                   if line.startswith("piglit: "))
    worse = [test for test in sample if test in passes and results.get(test) != "pass"]
    if worse:
        fail("; ".join(f"{test}: {results.get(test)}" for test in worse))
    print(f"{len(sample)} tests, of which {len(passes & set(sample))} pass with QEMU's, too")


main(test)
