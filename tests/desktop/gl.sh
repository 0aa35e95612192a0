#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest's OpenGL is virgl. A program on the bare screen and a compositor of the guest's draw with it,
# and the desktop shows their textures themselves: in the right place, the right way up, in the right
# colours, with no byte copied.
# desktop: weston
# timeout: 500
. "$(dirname "$0")/lib.sh"
picture=$(dirname "$0")/picture.py
width=640 height=480

guest-initrd "$TMPDIR/initrd" tests/guest/gl-{programs,session,gears}
start_vitrine --cpus 1 --mem 768 --gpu backend=virgl,watchdog=60 --display size=${width}x$height \
	--initrd "$TMPDIR/initrd" --rwdisk "$(guest-disk)" \
	--params 'root=/dev/vda quiet vitrine.exec=/run/vitrine/gl-programs' "$GUEST_KERNEL"

wait_for "$OUT/serial.log" 'OpenGL core profile renderer: virgl ' 200
wait_for "$OUT/serial.log" 'OpenGL core profile version: 4\.3 ' 30
wait_for "$OUT/serial.log" 'OpenGL ES profile version: OpenGL ES 3\.2 ' 30

wait_for "$OUT/serial.log" '^Rendered [1-9][0-9]* frames' 60
texture=$(stat_of frames.texture)
desktop-shot "$OUT/cube.png"
where=$(python3 "$picture" find "$OUT/cube.png" 7f7f7f 808080)
x=${where#*+} y=${where##*+}
x=${x%+*}
equal "the cube's background" "$where" "${width}x$height+$x+$y"
read -r red green blue < <(python3 "$picture" hues "$OUT/cube.png" "$where")
echo "the cube's pixels, one of sixteen: $red red, $green green, $blue blue"
[ $((red + green + blue)) -gt 300 ] || fail "there is no cube"
moves() {
	desktop-shot "$OUT/cube-later.png"
	[ "$(python3 "$picture" changed "$OUT/cube.png" "$OUT/cube-later.png" "$where")" -gt 50 ]
}
wait_until 30 moves || fail "the cube does not move"
[ "$(stat_of frames.texture)" -gt "$texture" ] || fail "the cube's frames are no textures"

desktop-input move $((x + width / 2)) $((y + height / 2))
desktop-input key ret
wait_for "$OUT/serial.log" "kmscube's exit status" 30
wait_for "$OUT/serial.log" 'GL renderer: virgl ' 60
wait_for "$OUT/serial.log" ' frames in .* seconds' 90
desktop-shot "$OUT/session.png"
equal "the place of the session's background, below its panel" \
	"$(python3 "$picture" find "$OUT/session.png" 24506e)" "${width}x$((height - 32))+$x+$((y + 32))"
shows_gears "$OUT/session.png" "$where"

vitrine ctl "$control" stats
equal 'the path of the frames' "$(stat_of window.path)" texture
equal 'the number of bytes copied' "$(stat_of frames.bytes_copied)" 0
no_gpu_died
[[ $(stat_of renderer) == *llvmpipe* ]] || fail "the host's renderer is not named"
stop_vitrine
