#!/bin/bash
# SPDX-License-Identifier: MIT
# A double-buffered guest program flips 100 times. On a compositor with dmabuf no byte is copied by the
# CPU; without, only what was damaged. The desktop shows just the pixels that the guest drew, and the
# flips follow the window's frame callbacks: the guest's driver does not run into its 50 ms. (On a busy
# machine the compositor is late, too; one round of flips that keeps the pace shows that they can.)
# desktop: weston labwc
# timeout: 240
. "$(dirname "$0")/lib.sh"

flips=100
start_vitrine --cpus 1 --mem 512 --display size=400x300 --initrd "$GUEST_INITRD" \
	--params "quiet vitrine.exec=\"/run/vitrine/flip $flips 10\"" "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'flip: holding' 150
grep 'flip: flips' "$OUT/serial.log"
flipped=$(grep 'flip: flips' "$OUT/serial.log" | tail -n 1 | tr -d '\r')
vitrine ctl "$control" stats

for _ in $(seq 20); do # the compositor draws the last frame some time after the guest is told
	desktop-shot "$OUT/quarters.png"
	where=$(python3 "$(dirname "$0")/quarters.py" "$OUT/quarters.png" 400x300) && break
done
[ -n "${where-}" ] || fail "the desktop does not show what the guest drew"
echo "the guest's picture is at $where, every pixel right"

path=udmabuf
[ "$DESKTOP_COMPOSITOR" = weston ] || path=shm
equal 'the path of the frames' "$(stat_of window.path)" "$path"
[ "$(stat_of "frames.$path")" -ge $flips ] || fail "fewer than $flips frames were presented"
copied=$(stat_of frames.bytes_copied)
if [ $path = udmabuf ]; then
	equal 'the number of bytes copied' "$copied" 0
else
	[ "$copied" -gt 0 ] || fail "frames went by shm, and nothing was copied"
fi
equal 'the number of flips that took the driver its 50 ms' "${flipped##* late }" 0
stop_vitrine
