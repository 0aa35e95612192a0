# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts of this folder share. Each is a test that tools/check runs in the emulated desktop
# (tools/desktop), where its head names the compositors, and its time limit if not 120 s:
#   # desktop: weston labwc        or none: no compositor
#   # timeout: 300
#   # image: piglit                an image beyond the usual ones; its folder is in $IMAGE_PIGLIT
#   # package                      the Debian package, built and in $PACKAGE
#   # full                         only with tools/check --full
# By hand: tools/desktop --out DIR -- bash tests/desktop/NAME.sh
# Exit status 0 passes, 77 skips with the reason in the last line printed; what is left in $OUT is kept.
set -euo pipefail

fail() {
	echo "FAILED: $*" >&2 # past $(...), into the log
	exit 1
}

skip() {
	echo "$*"
	exit 77
}

equal() { # WHAT GOT EXPECTED
	[ "$2" = "$3" ] || fail "$1 is '$2', not '$3'"
	echo "$1 is '$2'"
}

# Waits until the file has a line that matches; prints the line. The file need not be there yet.
wait_for() { # FILE PATTERN [SECONDS]
	local part whole line='' tail_pid found=1
	exec {lines}< <(exec tail -n +1 -F "$1" 2>/dev/null)
	tail_pid=$!
	local end=$((SECONDS + ${3:-60}))
	while [ $SECONDS -lt $end ]; do
		whole=1
		IFS= read -r -t 2 -u "$lines" part || whole=
		line+=$part
		# a line is looked at when it is whole, or a prompt: then nothing comes behind it
		if [ -n "$whole" ] || [ -z "$part" ]; then
			if [[ $line =~ $2 ]]; then
				found=0
				break
			fi
			[ -z "$whole" ] || line=
		fi
	done
	kill "$tail_pid" 2>/dev/null || true
	exec {lines}<&-
	if [ $found = 1 ]; then
		tail -n 20 "$1" >&2 2>/dev/null || true
		fail "no line '$2' in $1 within ${3:-60} s"
	fi
	printf '%s\n' "${line%$'\r'}"
}

# Waits until the desktop's picture, left in $OUT/shot.png, has that colour at that place.
wait_for_pixel() { # X,Y RRGGBB [SECONDS]
	local colour end=$((SECONDS + ${3:-60}))
	while :; do
		desktop-shot "$OUT/shot.png"
		colour=$(desktop-pixel "$OUT/shot.png" "$1")
		[ "$colour" != "$2" ] || return 0
		[ $SECONDS -lt $end ] || fail "the pixel at $1 is $colour, not $2, after ${3:-60} s"
		sleep 0.5
	done
}

# Waits until the command succeeds, where nothing tells when that will be.
wait_until() { # SECONDS COMMAND...
	local end=$((SECONDS + $1))
	shift
	until "$@"; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.2
	done
}

# Whether somebody listens at a TCP port.
listens() { # PORT
	ss -Hltn "sport = :$1" | grep -q .
}

# Starts vitrine as $vitrine, with its serial line in $OUT/serial.log, its messages in
# $OUT/vitrine.log and its control socket at $control. A process of this shell: `wait "$vitrine"`.
start_vitrine() { # ARGUMENT OF vitrine run...
	control=$XDG_RUNTIME_DIR/vitrine-test.sock
	command -v vitrine >/dev/null || skip "vitrine is not built"
	rm -f "$control" "$OUT/serial.log" # appended to, and a script may start several
	# no network card but those that are asked for
	vitrine run --net none --serial "file=$OUT/serial.log" --socket "$control" "$@" >"$OUT/vitrine.log" 2>&1 &
	vitrine=$!
}

# Waits until vitrine ends, and asserts its exit status.
end_vitrine() { # EXPECTED STATUS [SECONDS]
	local status=0
	timeout "${2:-60}" tail --pid="$vitrine" -f /dev/null ||
		fail "vitrine still runs after ${2:-60} s: $(tail -n 5 "$OUT/vitrine.log")"
	wait "$vitrine" || status=$?
	[ "$status" = "$1" ] || cat "$OUT/vitrine.log"
	equal "vitrine's exit status" "$status" "$1"
}

stop_vitrine() {
	vitrine ctl "$control" stop
	end_vitrine 4 "$@"
}

stat_of() { # NAME: a number or word out of the statistics
	vitrine ctl --json "$control" stats | python3 -c '
import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."):
    value = value[int(name)] if isinstance(value, list) else value[name]
print(value)' "$1"
}

# Asserts that no graphics process has died.
no_gpu_died() { # [RESTARTS]: as the statistics have them, where they can't be asked any more
	local restarts=${1-$(stat_of gpu_restarts)}
	grep -E 'died|crash:' "$OUT/vitrine.log" || true
	equal 'the number of graphics processes that died' "$restarts" 0
}

# Asserts that a part of a picture has the three gears in it, or that one has which is taken within a minute:
# a guest that says how many frames it drew may have drawn the first ones slowly.
shows_gears() { # FILE BOX
	local red green blue end=$((SECONDS + 60))
	while :; do
		read -r red green blue < <(python3 "$(dirname "${BASH_SOURCE[0]}")/picture.py" hues "$1" "$2")
		echo "the pixels of the gears, one of sixteen: $red red, $green green, $blue blue"
		if [ "$red" -gt 100 ] && [ "$green" -gt 100 ] && [ "$blue" -gt 100 ]; then
			return 0
		fi
		[ $SECONDS -lt $end ] || fail "a gear is missing"
		desktop-shot "$1"
	done
}

# Boots a kernel and asserts that it finds what it was given, less what it keeps for itself, and that it drives a
# device.
boots() { # KERNEL INITRD CPUS MEM_MIB
	local memory look='nproc; grep MemTotal /proc/meminfo; ls /sys/bus/pci/devices; head -c 512 /dev/hwrng | wc -c'
	start_vitrine --headless --cpus "$3" --mem "$4" --initrd "$2" --params "quiet vitrine.exec=\"$look\"" "$1"
	end_vitrine 0 120
	grep -q "^$3"$'\r' "$OUT/serial.log" || fail "$1 does not find $3 processors"
	memory=$(sed -n 's/^MemTotal: *\([0-9]*\) kB.*/\1/p' "$OUT/serial.log")
	[ "$memory" -gt $(($4 * 1024 * 80 / 100)) ] || fail "$1 finds $memory kB of $4 MiB"
	grep -q '0000:00:01.0' "$OUT/serial.log" || fail "$1 finds no PCI device"
	grep -q '^512'$'\r' "$OUT/serial.log" || fail "$1 gets no entropy"
	grep 'vitrine-guest: init after' "$OUT/serial.log" | sed "s,^,$(basename "$1") $3 CPUs $4 MiB: ,"
}
