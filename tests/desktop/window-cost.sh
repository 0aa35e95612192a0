#!/bin/bash
# SPDX-License-Identifier: MIT
# What the window costs: the frames a second that kmscube makes on a guest's screen, without a window and with
# one on the desktop, in turns. Reported, never asserted: it is a matter of the machine and of what else it
# does. What came of it last is in window-cost.results.
# desktop: weston
# timeout: 900
# full
. "$(dirname "$0")/lib.sh"

guest-initrd "$TMPDIR/initrd" tests/guest/gl-pace
pace() { # NAME ARGUMENT OF vitrine run...
	local name=$1 disk
	shift
	disk=$(guest-disk)
	start_vitrine --cpus 1 --mem 768 --gpu backend=virgl,watchdog=60 --display size=640x480 "$@" \
		--initrd "$TMPDIR/initrd" --rwdisk "$disk" \
		--params 'root=/dev/vda quiet vitrine.exec=/run/vitrine/gl-pace' "$GUEST_KERNEL"
	wait_for "$OUT/serial.log" '^Rendered [0-9]+ frames in 2[0-9]\.' 300
	[ "${name%.*}" = headless ] || vitrine ctl "$control" stats
	stop_vitrine
	mv "$OUT/serial.log" "$OUT/$name.log"
	rm "$disk"
}
for round in $(seq "${ROUNDS-2}"); do
	pace "headless.$round" --headless
	pace "window.$round"
done
python3 "$(dirname "$0")/window-cost.py" "$OUT" | tee "$OUT/window-cost.results"
