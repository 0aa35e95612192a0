#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A guest that renders to two monitors, in a window each: how many frames each makes in 10 s for how many
frame callbacks while both are seen at 60 Hz, while the second has 8 Hz, and while nobody sees it. The
first never waits for the second."""
# full
# timeout: 300
import time

from bed import bed, fail, main

SECONDS = 10
SLOW = 8  # repaints of the first for one of the second; a little less often and it is taken for hidden


def counts(b):
    return [tuple(int(n) for n in word.split("/")) for word in b.display.do("counts").split()]


def measure(b, what):
    """For each window: its frames, its frame callbacks."""
    before, start, withheld = counts(b), time.monotonic(), b.stats()["frames"]["fences_withheld"]
    time.sleep(SECONDS)
    after, seconds = counts(b), time.monotonic() - start
    withheld = b.stats()["frames"]["fences_withheld"] - withheld
    change = [(a[0] - b[0], a[1] - b[1]) for a, b in zip(after, before)]
    print(f"{what}: in {seconds:.1f} s " + ", ".join(
        f"window {i + 1} {frames} frames for {callbacks} callbacks" for i, (frames, callbacks) in
        enumerate(change)) + f"; {withheld} fences withheld", flush=True)
    return change


def wait_for(b, what, condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            fail(f"{what} in 60 s: {b.stats()}")
        time.sleep(0.1)


def both_draw(b):
    before = counts(b)
    wait_for(b, "the windows do not both draw", lambda: len(counts(b)) == 2 and len(before) == 2 and all(
        after[0] > first[0] + 20 for after, first in zip(counts(b), before)))


def test():
    with bed("--gpu", "backend=virgl", "--display", "size=128x96,outputs=2", gpu="max_outputs=2") as b:
        guest = b.boot("two-outputs", root=True)
        guest.line(r"two-programs: \d+ frames in", 200)
        both_draw(b)
        seen = measure(b, "both seen")
        b.display.do(f"every 1 {SLOW}")
        slow = measure(b, "the second slow")
        unpaced = b.stats()["window"]["unpaced"]
        b.display.do("every 1 0")
        wait_for(b, "the second is not found to be hidden", lambda: b.stats()["window"]["unpaced"] > unpaced)
        hidden = measure(b, "the second hidden")
        b.display.do("every 1 1")
        both_draw(b)
        for what, windows in (("seen", seen), ("slow", slow), ("hidden", hidden)):
            frames, callbacks = windows[0]
            if frames == 0 or frames > callbacks * 1.1 + 2:
                fail(f"the first window's frames do not follow its callbacks: {what}")
        # a guest that draws no faster than that by itself shows nothing
        if seen[0][0] > 2 * SECONDS * 60 / SLOW and slow[0][0] < 1.5 * slow[1][0]:
            fail("the first window waits for the second")
        if seen[0][0] > 2 * SECONDS * 60 / SLOW and hidden[0][0] < seen[0][0] / 3:
            fail("the first window waits for one that nobody sees")


main(test)
