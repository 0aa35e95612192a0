#!/bin/bash
# SPDX-License-Identifier: MIT
# A double-buffered guest program flips 100 times. On a compositor with dmabuf no byte is copied by the
# CPU; without, only what was damaged. The desktop shows just the pixels that the guest drew, and the
# flips follow the window's frame callbacks, one frame for each, not the 50 ms after which the guest's
# driver goes on by itself. (Emulated on a busy or slow machine, the compositor is later than that now and
# then, and later than the 40 ms after which a frame waits no longer, which is counted; were the driver's
# timeout what paces the flips, every one of them would be late.)
# desktop: weston labwc
# timeout: 240
. "$(dirname "$0")/lib.sh"

flips=100
start_vitrine --gpu backend=2d --cpus 1 --mem 512 --display size=400x300 --initrd "$GUEST_INITRD" \
	--params "quiet vitrine.exec=\"/run/vitrine/flip $flips 10\"" "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'flip: holding' 150
grep 'flip: flips' "$OUT/serial.log"
late=$(sed -n 's/^flip: flips .* late \([0-9]*\).*/\1/p' "$OUT/serial.log" | sort -n | head -n 1)
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
committed=$(stat_of window.committed) callbacks=$(stat_of window.callbacks) unpaced=$(stat_of window.unpaced)
echo "$committed frames, $callbacks frame callbacks, $unpaced frames without waiting for one"
[ $((committed - callbacks - unpaced)) -le 1 ] || fail "more frames than something allowed"
echo "flips that took the driver its 50 ms, in the best round of $flips: $late"
[ "$late" -le $((flips * 3 / 4)) ] || fail "the driver's timeout paces the flips"
vitrine ctl "$control" screenshot "$OUT/ctl.png"
equal 'where it is in a screenshot of the monitor' \
	"$(python3 "$(dirname "$0")/quarters.py" "$OUT/ctl.png" 400x300)" 400x300+0+0
back() { [ "$(stat_of window.path)" = "$path" ]; }
wait_until 10 back || fail "after the screenshot, the frames go by $(stat_of window.path)"
stop_vitrine
