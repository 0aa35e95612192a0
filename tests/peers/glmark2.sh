#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/peers/glmark2.sh DIR: glmark2 with QEMU's graphics card and with ours, twice each and in turns, on
# screens of two sizes, and the ratio of the frames each scene made. Reported, never asserted: it is a
# matter of the machine and of what else it does. It draws into a texture as large as the screen, which
# shows the console meanwhile: what shows a frame is not in it. What came of it goes into glmark2.results.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

prepare_screens "${1:?which folder for the results?}"
scenes=()
for scene in build texture shading bump effect2d function conditionals; do
	scenes+=(-b "$scene:duration=4")
done
for size in 1024x768 1920x1080; do
	for round in 1 2; do
		for card in qemu vitrine; do
			guest_with $card "glmark2-es2-drm --off-screen --visual-config alpha=0 ${scenes[*]}" $size
			mv "$out/$card.log" "$out/$card.$size.$round.log"
		done
	done
done
python3 "$peers/glmark2.py" "$out" | tee "$out/glmark2.results"
