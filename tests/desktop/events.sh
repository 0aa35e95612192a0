# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# For scripts whose guests run tests/guest/events with their serial lines in $OUT/NAME.log.

# The newest of the host's devices of that name.
node() { # NAME
	grep -l -x "$1" /sys/class/input/event*/device/name | sort -V | tail -n 1 |
		sed 's,.*/\(event[0-9]*\)/.*,/dev/input/\1,'
}

there_is() { # NAME
	[ -n "$(node "$1")" ]
}

# What a guest's device has told, a word for each event: TYPE.CODE.VALUE, without the reports' ends, LEDs and
# what is said of repetition.
told() { # NAME DEVICE
	local number
	number=$(sed -n "s/^event: device \([0-9]*\) is $2[[:space:]]*$/\1/p" "$OUT/$1.log")
	sed -n "s/^event: $number \([0-9]*\) \([0-9]*\) \(-\?[0-9]*\)[[:space:]]*$/\1.\2.\3/p" "$OUT/$1.log" |
		grep -v -E '^(0|17|20)\.' | paste -s -d ' '
}

declare -A expected
is_told() { [ "$(told "$1" "$2")" = "${expected[$1-$2]-}" ]; }

# Expects more of a device, and waits until it is there: all of it, and nothing else.
expect() { # NAME DEVICE EVENTS
	expected[$1-$2]="${expected[$1-$2]-}${expected[$1-$2]:+ }$3"
	wait_until 20 is_told "$1" "$2" || expect_no_more "$@"
}
expect_no_more() { # NAME DEVICE
	equal "what the $2 of $1 told" "$(told "$1" "$2")" "${expected[$1-$2]-}"
}

key() { # NAME KEY CODE: of the keyboard, in that guest
	desktop-input key "$2"
	expect "$1" 'vitrine keyboard' "1.$3.1 1.$3.0"
}
