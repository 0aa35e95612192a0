#!/bin/bash
# SPDX-License-Identifier: MIT
# The GPU process is killed a hundred times, at random moments, under a guest whose compositor and a program in
# it draw with OpenGL, and which writes a disk. Its compositor begins anew after each death, so it is killed
# while it starts, too. Each time the VM answers and its disk goes on, a successor has OpenGL and shows what the
# guest shows; after each tenth death, the program in the compositor is to be seen again. The guest's driver is
# never loaded anew, and the machine keeps nothing of the processes that are gone. It is four machines with 25
# deaths each, so that not all of them are to be had again where the emulation fails (HACKING.md).
# desktop: weston
# timeout: 5400
# full
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/deaths.sh"

kills=${KILLS-100} seed=${SEED-$RANDOM}
RANDOM=$seed
echo "the seed of the moments is $seed"
guest-initrd "$TMPDIR/initrd" tests/guest/gl-{sessions,session,gears} tests/guest/disk-blocks

paces() { grep -c '^session .* frames in ' "$OUT/serial.log" || true; }
more_paces() { [ "$(paces)" -gt "$paces" ]; }
more_textures() { [ "$(stat_of frames.texture)" -gt $((textures + 5)) ]; }
fds() { find "/proc/$vitrine/fd" -type l | wc -l; }

# Waits until the guest's session is to be seen, drawing.
session_is_back() {
	local started=$SECONDS
	paces=$(paces)
	wait_until 240 more_paces || fail "no program draws in the guest's session"
	textures=$(stat_of frames.texture)
	wait_until 60 more_textures || fail "the session's frames do not come"
	desktop-shot "$OUT/session.png"
	[ -n "$where" ] || where=$(python3 "$(dirname "$0")/picture.py" find "$OUT/session.png" 24506e)
	shows_gears "$OUT/session.png" "$where"
	echo "the session is back after $((SECONDS - started)) s more; the machine has $(fds) files open"
}

one_machine() { # DEATHS
	local kill few where=
	empty_disk
	start_vitrine --cpus 1 --mem 768 --gpu backend=virgl,watchdog=60,deaths=0 --display size=640x480 \
		--initrd "$TMPDIR/initrd" --rwdisk "$(guest-disk)" --rwdisk "$disk" \
		--params 'root=/dev/vda quiet vitrine.exec=/run/vitrine/gl-sessions' "$GUEST_KERNEL"
	wait_for "$OUT/serial.log" '^session .*: .* frames in ' 600
	session_is_back
	few=$(($(fds) + 5))

	for kill in $(seq "$1"); do
		kill_gpu KILL 120
		[[ $(timeout 60 vitrine ctl "$control" status) == *running* ]] || fail "the VM does not answer"
		disk_goes_on
		if [ $((kill % 10)) = 0 ] || [ "$kill" = "$1" ]; then
			session_is_back
			[[ $(stat_of renderer) == *llvmpipe* ]] || fail "the successor has no OpenGL"
		fi
		[ "$kill" = "$1" ] || sleep "$((RANDOM % 12)).$((RANDOM % 10))"
	done

	equal 'the number of successors' "$(stat_of gpu_restarts)" "$1"
	show_times # emulated, a start of OpenGL alone takes longer than 2 s, so that is left to gpu-death.sh
	equal 'the number of graphics processes' "$(pgrep -c -f 'vitrine gpu --vhost-user')" 1
	[ "$(fds)" -le "$few" ] || fail "the machine has $(fds) files open, $few at most before the first kill"
	equal 'the number of cards that the guest had' \
		"$(sed -n 's/^session .* begins, card \([0-9]*\).*/\1/p' "$OUT/serial.log" | sort -u | wc -l)" 1
	echo "the guest's sessions ended so often of:"
	sed -n 's/^session [0-9]* ends: \([^(\r]*\).*/\1/p' "$OUT/serial.log" | sort | uniq -c
	# shellcheck disable=SC2119
	stop_vitrine
	disk_is_whole
}

counted=$OUT.died # a second time, there is something in it
: >>"$counted"
died() { awk '{ sum += $1 } END { print sum + 0 }' "$counted"; }
while [ "$(died)" -lt "$kills" ]; do
	echo "$(died) deaths so far"
	deaths=$((kills - $(died)))
	[ $deaths -le 25 ] || deaths=25
	one_machine $deaths
	echo "$deaths deaths, of seed $seed: $(spread 'the picture is back' < <(times_of 'picture is back'))" >>"$counted"
done
cat "$counted"
