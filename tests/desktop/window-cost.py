#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""window-cost.py DIR: what came of the runs whose logs are in DIR, headless.N.log and window.N.log: the
frames a second in the half of the two seconds' spans that were the quicker ones (the first has shaders to
compile, and what else the machine does only ever takes away)."""
import pathlib
import re
import sys


def pace(kind):
    spans = []
    for log in sorted(pathlib.Path(sys.argv[1]).glob(f"{kind}.*.log")):
        frames, seconds = 0, 0.0
        for n, at in re.findall(r"Rendered (\d+) frames in ([\d.]+) sec", log.read_text(errors="replace")):
            spans.append((int(n) - frames) / (float(at) - seconds))
            frames, seconds = int(n), float(at)
    if not spans:
        sys.exit(f"{kind}: nothing was drawn")
    best = sorted(spans, reverse=True)[:(len(spans) + 1) // 2]
    return sum(best) / len(best), max(best), len(spans)


headless, window = pace("headless"), pace("window")
print(f"{'kmscube, 640x480':18} {'mean':>6} {'best':>6} {'spans':>6}")
for name, figures in (("headless", headless), ("window", window)):
    print(f"{name:18} {figures[0]:6.1f} {figures[1]:6.1f} {figures[2]:6}")
print(f"{'window/headless':18} {window[0] / headless[0]:6.2f} {window[1] / headless[1]:6.2f}")
