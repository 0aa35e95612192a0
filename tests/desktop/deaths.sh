# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts that kill the GPU process share, in addition to lib.sh. The guest runs
# tests/guest/disk-blocks on a disk with the file $disk, and vitrine's messages are in $OUT/vitrine.log.

disk=$OUT/disk.img
empty_disk() {
	rm -f "$disk"
	truncate -s 64M "$disk"
}
empty_disk

in_log() { grep -c "$1" "$OUT/vitrine.log" || true; }
successor_works() { [ "$(in_log 'graphics are back')" -gt "$successors" ]; }
picture_is_back() { [ "$(in_log "the guest's picture is back")" -gt "$pictures" ]; }

# Waits until a successor works, and until it has presented a picture.
kill_gpu() { # [SIGNAL [SECONDS]]
	local gpu
	gpu=$(pgrep -n -f 'vitrine gpu --vhost-user') || fail "there is no GPU process"
	successors=$(in_log 'graphics are back')
	pictures=$(in_log "the guest's picture is back")
	blocks=$(blocks_written)
	kill "-${1-KILL}" "$gpu"
	wait_until "${2-60}" successor_works || fail "no successor after the kill of process $gpu"
	wait_until 120 picture_is_back || fail "the successor of process $gpu shows nothing"
	echo "kill $((successors + 1)): graphics are back after $(last_time_of 'graphics are back') ms," \
		"the picture after $(last_time_of "picture is back")"
}

# Of all deaths, after how many ms the log says that something was there.
times_of() { # TEXT
	sed -n "s/.*$1 after \([0-9]*\) ms.*/\1/p" "$OUT/vitrine.log"
}

last_time_of() { times_of "$1" | tail -n 1; }

# Prints how long things took, and leaves the median in $median.
spread() { # WHAT; times in ms on the input
	local ms
	mapfile -t ms < <(sort -n)
	median=${ms[$((${#ms[@]} / 2))]}
	echo "$1, ${#ms[@]} times: half of them after $median ms, 9 of 10 after" \
		"${ms[$((${#ms[@]} * 9 / 10))]} ms, the slowest after ${ms[-1]} ms"
}

# The second is what the guest took to draw, on rings that made progress again. The last one's median stays.
show_times() {
	spread 'graphics are back' < <(times_of 'graphics are back')
	spread 'the picture came behind the graphics' < <(paste <(times_of 'picture is back') \
		<(times_of 'graphics are back') | awk '{ print $1 - $2 }')
	spread 'the picture is back' < <(times_of 'picture is back')
}

blocks_written() { sed -n 's/^disk: \([0-9]*\) blocks.*/\1/p' "$OUT/serial.log" | tail -n 1; }
more_blocks() { [ "$(blocks_written)" -gt "$blocks" ]; }

# Waits until the guest has written more than before the last kill.
disk_goes_on() {
	wait_until 120 more_blocks || fail "the disk stands still"
	! grep 'disk: block' "$OUT/serial.log" || fail "the guest reads back what it has not written"
	blocks=$(blocks_written)
}

# Looks at the disk from outside, when the guest is gone.
disk_is_whole() {
	python3 - "$disk" "$blocks" <<'PYTHON' || fail "a block of the disk is not what the guest wrote"
import sys
with open(sys.argv[1], "rb") as disk:
    for n in range(1, int(sys.argv[2]) + 1):
        disk.seek(n * 512)
        assert disk.read(512) == f"block {n}\n".encode().ljust(512, b"\0"), n
PYTHON
	echo "all $blocks blocks are on the disk"
}
