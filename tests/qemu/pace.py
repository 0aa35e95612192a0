#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How fast a guest that renders draws: over 10 s in a window that is seen, no more than one frame for
each of the window's frame callbacks, though Linux tells it of each flip at once; over 10 s more, which
nobody sees, nothing holds it up."""
# timeout: 300
import re
import time

from bed import bed, fail, main

SECONDS = 10


def numbers(stats):
    frames, window = stats["frames"], stats["window"]
    return {"frames": frames["presented"], "callbacks": window["callbacks"],
            "unpaced": window["unpaced"], "withheld": frames["fences_withheld"],
            "drawn in place": frames["drawn_on_screen"]}


def measure(b, what):
    before = numbers(b.stats())
    time.sleep(SECONDS)
    after = numbers(b.stats())
    change = {name: after[name] - before[name] for name in after}
    print(f"{what}: in {SECONDS} s " + ", ".join(f"{n} {name}" for name, n in change.items()), flush=True)
    return change


def test():
    with bed("--gpu", "backend=virgl", "--size", "64x64") as b:
        guest = b.boot("sleep 200 | stdbuf -oL kmscube", root=True)
        guest.line("Rendered", 200)
        seen = measure(b, "seen")
        found = re.findall(r"Rendered (\d+) frames in ([\d.]+) sec", guest.seen)
        print("the guest has drawn %s frames in %s s" % found[-1], flush=True)
        if seen["frames"] == 0 or seen["frames"] > seen["callbacks"] * 1.05 + 1:
            fail("the frames do not follow the frame callbacks")
        if seen["unpaced"]:
            fail("the window was taken for hidden")
        b.display.do("see 0")
        deadline = time.monotonic() + 20
        while not b.stats()["window"]["unpaced"]:
            if time.monotonic() > deadline:
                fail("the window is not found to be hidden")
            time.sleep(0.1)
        hidden = measure(b, "hidden")
        if hidden["frames"] == 0 or hidden["withheld"]:
            fail("a window that nobody sees holds the guest up")
        b.display.do("see 1")
        again = measure(b, "seen again")
        if again["callbacks"] == 0:
            fail("the window has no callbacks any more")


main(test)
