#!/bin/bash
# SPDX-License-Identifier: MIT
# A desktop of another scale: the guest drives its monitor with as many pixels as its window has there, and
# each of them is one of the screen's, where the window begins at a whole one, which at a scale of 1.5 is
# chance. The guest is that of resize.sh.
# desktop: labwc
# timeout: 240
# full
. "$(dirname "$0")/lib.sh"
picture=$(dirname "$0")/picture.py
output=$(wlr-randr | sed -n '1s/ .*//p')

start_vitrine --gpu backend=2d --cpus 1 --mem 512 --display size=400x300 --initrd "$GUEST_INITRD" \
	--params 'quiet vitrine.exec=/run/vitrine/follow' "$GUEST_KERNEL"

shows() { # WxH: pixels of the screen, every one as the guest drew it
	desktop-shot "$OUT/$1.png"
	where=$(python3 "$picture" checker "$OUT/$1.png" 336699 cc9933) && [ "${where%%+*}" = "$1" ]
}
drives() { # MODE: what the guest said last
	[[ $(grep '^follow: 1: ' "$OUT/serial.log" | tail -n 1) == "follow: 1: $1"* ]]
}
follows() { # SCALE WxH
	wlr-randr --output "$output" --scale "$1"
	wait_until 60 drives "$2 " || fail "at scale $1 the guest does not drive its monitor with $2"
	grep '^follow: 1: ' "$OUT/serial.log" | tail -n 1
}
expect() { # SCALE WxH: and it is seen so
	follows "$@"
	wait_until 30 shows "$2" || fail "at scale $1 the desktop shows ${where:-no checkerboard}, not $2"
	echo "at scale $1 the guest's $2 pixels are at $where, every one right"
}

wait_for "$OUT/serial.log" 'follow: . connectors' 150
expect 2 800x600
follows 1.5 600x450
expect 1 400x300
stop_vitrine
