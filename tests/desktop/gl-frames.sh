#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest with virgl flips between two buffers that it uploads; the host has them as textures. On a
# compositor with dmabuf these are what it shows, and no byte is copied for it; without, they are read
# back as far as they are damaged. The desktop shows the picture that the guest drew: the right way up
# and in its colours, which a texture's format and order of rows may be in any way.
# desktop: weston labwc
# timeout: 240
. "$(dirname "$0")/lib.sh"

flips=30
wait_until 60 timeout 20 wayland-info >"$OUT/wayland-info" || fail "the compositor does not answer"
start_vitrine --gpu backend=virgl --cpus 1 --mem 512 --display size=400x300 --initrd "$GUEST_INITRD" \
	--params "quiet vitrine.exec=\"/run/vitrine/flip $flips 1\"" "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'flip: holding' 200
cat "$OUT/vitrine.log"
for _ in $(seq 20); do # the compositor draws the last frame some time after the guest is told
	desktop-shot "$OUT/quarters.png"
	where=$(python3 "$(dirname "$0")/quarters.py" "$OUT/quarters.png" 400x300) && break
done
vitrine ctl "$control" stats
[ -n "${where-}" ] || fail "the desktop does not show what the guest drew"
echo "the guest's picture is at $where, every pixel right"

path=texture
[ "$DESKTOP_COMPOSITOR" = weston ] || path=shm
equal 'the path of the frames' "$(stat_of window.path)" "$path"
# Not every flip is a frame: the driver waits for no flush of a texture. But all frames went this way.
equal 'the number of frames of other paths' \
	$(($(stat_of frames.presented) - $(stat_of "frames.$path"))) 0
copied=$(stat_of frames.bytes_copied)
if [ $path = texture ]; then
	equal 'the number of bytes copied' "$copied" 0
else
	[ "$copied" -gt 0 ] || fail "frames went by shm, and nothing was copied"
	[ "$copied" -le $((400 * 300 * 4 * $(stat_of frames.shm))) ] || fail "$copied bytes were copied"
fi
no_gpu_died
! grep 'the jail' "$OUT/vitrine.log" || fail 'the jail lacks something that drawing takes'
vitrine ctl "$control" screenshot "$OUT/ctl.png"
equal 'where it is in a screenshot of the monitor' \
	"$(python3 "$(dirname "$0")/quarters.py" "$OUT/ctl.png" 400x300)" 400x300+0+0
back() { [ "$(stat_of window.path)" = "$path" ]; }
wait_until 10 back || fail "after the screenshot, the frames go by $(stat_of window.path)"
stop_vitrine
