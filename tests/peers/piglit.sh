#!/bin/bash
# SPDX-License-Identifier: MIT
# tests/peers/piglit.sh DIR: runs the tests of piglit.list with QEMU's graphics card and with ours, and
# fails where one passes with QEMU's only. DIR/piglit.results goes into piglit.results beside this.
. "$(dirname "$(readlink -f "$0")")/lib.sh"

prepare_screens "${1:?which folder for the results?}" "$peers"/piglit.{py,list}
for card in qemu vitrine; do
	guest_with $card 'mkdir /tmp/piglit; mount -o ro /dev/vdb /tmp/piglit && cd /tmp/piglit && python3 /run/vitrine/piglit.py /run/vitrine/piglit.list'
done
python3 "$peers/compare.py" "$peers/piglit.list" "$out/qemu.log" "$out/vitrine.log" |
	tee "$out/piglit.results"
