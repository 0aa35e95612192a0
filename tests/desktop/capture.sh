#!/bin/bash
# SPDX-License-Identifier: MIT
# The hotkey locks the pointer: the guest then hears the mouse's motion instead of a place, until the hotkey
# is pressed again.
# desktop: labwc
# timeout: 240
. "$(dirname "$0")/lib.sh"

start_vitrine --gpu backend=2d --cpus 1 --mem 512 --initrd "$GUEST_INITRD" \
	--params 'quiet vitrine.exec="/run/vitrine/events"' "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'event: ready' 150
mouse=$(sed -n 's/^event: device \([0-9]*\) is vitrine mouse.*/\1/p' "$OUT/serial.log")
[ -n "$mouse" ] || fail "the guest has no mouse"

# The events of the mouse's motion so far.
motions() {
	grep -Ec "^event: $mouse 2 [01] -?[0-9]+" "$OUT/serial.log" || true
}

moves_mouse() {
	desktop-input rel 20 10
	[ "$(motions)" -gt "$before" ]
}

desktop-input move 720 500
desktop-input button left
wait_for "$OUT/serial.log" 'event: . 1 272 0[[:space:]]*$' 30
equal 'what the unlocked pointer told as motion' "$(motions)" 0

desktop-input key ctrl-alt-g
before=0
wait_until 30 moves_mouse || fail "the locked pointer tells no motion"
desktop-input button right
wait_for "$OUT/serial.log" "event: $mouse 1 273 0[[:space:]]*\$" 20
[ "$(grep -c 'event: . 1 34 ' "$OUT/serial.log")" = 0 ] || fail "the guest heard the hotkey's G"

# What is pressed behind the hotkey is heard behind what it did.
desktop-input key ctrl-alt-g
desktop-input key f5
wait_for "$OUT/serial.log" 'event: . 1 63 0[[:space:]]*$' 20
before=$(motions)
desktop-input move 300 300
desktop-input button middle
wait_for "$OUT/serial.log" 'event: . 1 274 0[[:space:]]*$' 20
equal 'what the released pointer told as motion' "$(motions)" "$before"
[ "$(grep -c "event: $mouse 1 274 " "$OUT/serial.log")" = 0 ] || fail "the released pointer is still the mouse"
stop_vitrine
