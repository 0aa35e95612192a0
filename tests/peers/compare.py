#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""compare.py LIST QEMU.log OURS.log: piglit's results side by side, a line for each test: QEMU's, ours,
test. Exits with 1 where a test passes with QEMU's graphics card and not with ours, or was not run."""
import re
import sys


def results(path):
    """By test, from a guest's console."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return {test: result for result, test in
                re.findall(r"^piglit: (\S+) (.+?)\r?$", file.read(), re.M)}


def main():
    with open(sys.argv[1], encoding="ascii") as file:
        tests = [line.strip() for line in file if line.strip() and not line.startswith("#")]
    qemu, ours = (results(path) for path in sys.argv[2:])
    worse = []
    for test in tests:
        pair = qemu.get(test, "none"), ours.get(test, "none")
        print(f"{pair[0]:8}{pair[1]:8}{test}")
        if pair[1] != "pass" and pair[0] in ("pass", "none") or pair[1] == "none":
            worse.append(test)
    for test in worse:
        print(f"worse with ours: {test}", file=sys.stderr)
    print(f"{len(tests)} tests: {sum(r == 'pass' for r in qemu.values())} pass with QEMU's graphics "
          f"card, {sum(r == 'pass' for r in ours.values())} with ours", file=sys.stderr)
    sys.exit(1 if worse else 0)


main()
