#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/peers/glmark2.sh DIR: glmark2 with QEMU's graphics card and with ours, twice each and in turns,
# and the ratio of the frames each scene made. Reported, never asserted: it is a matter of the machine
# and of what else it does. It draws into a texture of the largest mode's size, which in QEMU's EDID is
# 5120x2160: what shows a frame is not in it.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

prepare "${1:?which folder for the results?}"
scenes=()
for scene in build texture shading bump effect2d function conditionals; do
	scenes+=(-b "$scene:duration=4")
done
for round in 1 2; do
	for card in qemu vitrine; do
		guest_with $card "glmark2-es2-drm --off-screen --visual-config alpha=0 ${scenes[*]}" 5120x2160
		mv "$out/$card.log" "$out/$card.$round.log"
	done
done
python3 - "$out" <<'PYTHON'
import re
import sys

def frames(card):
    """The best of the rounds for each scene: what else the machine does only ever takes away."""
    best = {}
    for number in (1, 2):
        with open(f"{sys.argv[1]}/{card}.{number}.log", errors="replace") as log:
            for scene, fps in re.findall(r"^\[(\w+)\].*FPS: (\d+)", log.read(), re.MULTILINE):
                best[scene] = max(best.get(scene, 0), int(fps))
    return best

qemu, vitrine = frames("qemu"), frames("vitrine")
product, both = 1.0, sorted(qemu.keys() & vitrine.keys())
print(f"{'scene':14} {'QEMU':>6} {'vitrine':>8}  ratio")
for scene in both:
    ratio = vitrine[scene] / max(qemu[scene], 1)
    product *= ratio
    print(f"{scene:14} {qemu[scene]:6} {vitrine[scene]:8}  {ratio:.2f}")
if not both:
    sys.exit("no scene ran with both")
print(f"{'all':14} {'':6} {'':8}  {product ** (1 / len(both)):.2f}")
PYTHON
