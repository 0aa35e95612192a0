#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest's monitor follows its window's size, and shows there pixel for pixel; monitors are plugged in and
# out. The guest is a Linux with a program that sets the preferred mode of each monitor when the kernel says
# that something has changed, and draws a checkerboard of single pixels.
# desktop: weston
# timeout: 280
. "$(dirname "$0")/lib.sh"
picture=$(dirname "$0")/picture.py

start_vitrine --gpu backend=2d --cpus 1 --mem 512 --display size=640x480,max=3 --initrd "$GUEST_INITRD" \
	--params 'quiet vitrine.exec=/run/vitrine/follow' "$GUEST_KERNEL"

# What the desktop shows of the guest, every pixel as it was drawn.
shows() { # WxH
	desktop-shot "$OUT/$1.png"
	where=$(python3 "$picture" checker "$OUT/$1.png" 336699 cc9933) && [ "${where%%+*}" = "$1" ]
}
drives() { # MONITOR MODE: what the guest said last
	[[ $(grep "^follow: $1: " "$OUT/serial.log" | tail -n 1) == "follow: $1: $2"* ]]
}
follows() { # MONITOR MODE
	wait_until 60 drives "$@" || fail "the guest does not drive monitor $1 with $2"
	grep "^follow: $1: " "$OUT/serial.log" | tail -n 1
}
expect() { # MONITOR WxH: the guest's mode is that, and so are its pixels on the desktop
	follows "$1" "$2 "
	wait_until 30 shows "$2" || fail "the desktop shows ${where:-no checkerboard}, not $2"
	echo "the guest's $2 pixels are at $where, every one right"
}

wait_for "$OUT/serial.log" 'follow: 3 connectors' 150
expect 1 640x480

x=${where#*+} y=${where##*+}
desktop-input click $((${x%+*} + 100)) $((y + 100))
desktop-input key meta_l-shift-f # fullscreen, and back
expect 1 1440x1000
equal 'the place of a fullscreen guest' "$where" 1440x1000+0+0
desktop-input key meta_l-shift-f
expect 1 640x480

vitrine ctl "$control" plug
follows 2 '640x480 '
vitrine ctl "$control" stats
equal "the second monitor's mode" "$(stat_of window.monitors.2 | cut -d@ -f1)" 640x480
vitrine ctl "$control" unplug
follows 2 none
! vitrine ctl "$control" unplug || fail "the last monitor was plugged out"
stop_vitrine
