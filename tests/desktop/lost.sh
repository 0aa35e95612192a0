#!/bin/bash
# SPDX-License-Identifier: MIT
# The compositor goes away: the guest lives on without a window, says so, and stops when it is told.
# desktop: none
# timeout: 240
. "$(dirname "$0")/lib.sh"

weston --backend=headless --renderer=pixman --socket=wayland-lost --idle-time=0 >"$OUT/weston.log" 2>&1 &
weston=$!
wait_for "$OUT/weston.log" "launching '.*weston-desktop-shell'"
export WAYLAND_DISPLAY=wayland-lost

start_vitrine --gpu backend=2d --cpus 1 --mem 512 --display size=400x300 --initrd "$GUEST_INITRD" \
	--params 'quiet vitrine.exec="while sleep 1; do echo alive; done"' "$GUEST_KERNEL"
wait_for "$OUT/serial.log" alive 150
[ "$(stat_of window.committed)" -gt 0 ] || fail "the guest's console was never shown"
equal 'where frames go' "$(vitrine ctl --json "$control" status | grep -o '"display":"[a-z]*"')" \
	'"display":"wayland"'

kill -KILL $weston
wait_for "$OUT/vitrine.log" 'the compositor went away'
equal 'where frames go' "$(vitrine ctl --json "$control" status | grep -o '"display":"[a-z]*"')" \
	'"display":"lost"'
lines=$(wc -l <"$OUT/serial.log")
more_lines() { [ "$(wc -l <"$OUT/serial.log")" -gt "$lines" ]; }
wait_until 60 more_lines || fail "the guest does not live on"
stop_vitrine
