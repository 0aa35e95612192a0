#!/bin/bash
# SPDX-License-Identifier: MIT
# A guest with an X server: its modesetting driver draws with glamor, which is virgl, and so is GLX. A
# GL program and a terminal show on the desktop without a copy, and what is typed reaches the terminal.
# desktop: weston
# timeout: 500
. "$(dirname "$0")/lib.sh"
picture=$(dirname "$0")/picture.py

guest-initrd "$TMPDIR/initrd" tests/guest/x11-session
start_vitrine --cpus 1 --mem 768 --gpu backend=virgl,watchdog=60 --display size=640x480 \
	--initrd "$TMPDIR/initrd" --rwdisk "$(guest-disk)" \
	--params 'root=/dev/vda quiet vitrine.exec=/run/vitrine/x11-session' "$GUEST_KERNEL"

wait_for "$OUT/serial.log" 'OpenGL renderer string: virgl ' 240
wait_for "$OUT/serial.log" 'x11-session: ready' 60
wait_for "$OUT/serial.log" ' frames in .* seconds' 90
terminal_shows() {
	desktop-shot "$OUT/x11.png"
	where=$(python3 "$picture" find "$OUT/x11.png" 336699)
}
wait_until 60 terminal_shows || fail "no terminal shows"
x=${where#*+} y=${where##*+}
x=${x%+*}
echo "the terminal is at $where"
shows_gears "$OUT/x11.png" "300x300+$((x - 340))+$y"
vitrine ctl "$control" stats
equal 'the path of the frames' "$(stat_of window.path)" texture
equal 'the number of bytes copied' "$(stat_of frames.bytes_copied)" 0
no_gpu_died

desktop-input move $((x + 100)) $((y + 100))
desktop-input type 'hello\n'
wait_for "$OUT/serial.log" 'x11-session: typed hello' 60
end_vitrine 0 60
grep -q 'glamor X acceleration enabled on virgl' "$OUT/serial.log" || fail "glamor does not draw with virgl"
