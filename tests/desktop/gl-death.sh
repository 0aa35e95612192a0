#!/bin/bash
# SPDX-License-Identifier: MIT
# The GPU process is killed under a guest that draws with OpenGL and writes a disk. Its driver is not loaded
# anew: programs that come later have virgl, the next one's frames are textures again, and the disk goes on.
# desktop: weston
# timeout: 500
# full
. "$(dirname "$0")/lib.sh"

disk=$OUT/disk.img
truncate -s 16M "$disk"
guest-initrd "$TMPDIR/initrd" tests/guest/gl-deaths
start_vitrine --cpus 1 --mem 768 --gpu backend=virgl,watchdog=60 --display size=640x480 \
	--initrd "$TMPDIR/initrd" --rwdisk "$(guest-disk)" --rwdisk "$disk" \
	--params 'root=/dev/vda quiet vitrine.exec=/run/vitrine/gl-deaths' "$GUEST_KERNEL"
wait_for "$OUT/serial.log" '^Rendered [1-9][0-9]* frames' 200

texture_more() { [ "$(stat_of frames.texture)" -gt $((texture + 5)) ]; }
restarted() { [ "$(stat_of gpu_restarts)" = "$kill" ]; }
begun() { sed -n 's/^cube \([0-9]*\) begins.*/\1/p' "$OUT/serial.log" | tail -n 1; }
next_begins() { [ "$(begun)" -gt "$cube" ]; }

for kill in 1 2 3 4; do
	cube=$(begun)
	pkill -KILL -n -f 'vitrine gpu --vhost-user' || fail "there is no GPU process"
	started=$SECONDS
	wait_until 60 restarted || fail "no successor after kill $kill"
	wait_until 60 next_begins || fail "the guest's next program does not begin after kill $kill"
	texture=$(stat_of frames.texture)
	wait_until 90 texture_more || fail "the guest's next program shows nothing after kill $kill"
	[[ $(stat_of renderer) == *llvmpipe* ]] || fail "the successor has no OpenGL"
	echo "kill $kill: the next program's frames are textures, after $((SECONDS - started)) s"
	# three deaths in a minute would end the 3D
	while [ $((SECONDS - started)) -lt 35 ]; do sleep 1; done
done

blocks=$(sed -n 's/^disk: \([0-9]*\) blocks.*/\1/p' "$OUT/serial.log" | tail -n 1)
wait_until 60 grep -q "^disk: $((blocks + 20)) " "$OUT/serial.log" || fail "the disk stands still"
! grep 'disk: block' "$OUT/serial.log" || fail "the guest reads back what it has not written"
equal 'the number of bytes copied' "$(stat_of frames.bytes_copied)" 0
# shellcheck disable=SC2119
stop_vitrine
