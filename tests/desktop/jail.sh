#!/bin/bash
# SPDX-License-Identifier: MIT
# Beside a compositor, input devices and /dev/udmabuf nothing leads out of the jail, for root and for a
# user; and the real graphics process, with GL in it, is in that jail: it has no rights and sees nothing
# that it could write to, but draws.
# desktop: weston
# timeout: 200
. "$(dirname "$0")/lib.sh"

ulimit -c 0 # many are meant to die
build=$(dirname "$(readlink -f "$(command -v vitrine)")")/../..
"$build/tests/unit/test_jail"
"$build/tests/unit/test_jail" user

vitrine display --gpu-socket "$OUT/gpu" --gpu backend=virgl >"$OUT/vitrine.log" 2>&1 &
vitrine=$!
wait_for "$OUT/vitrine.log" 'finds its graphics card' 60
cat "$OUT/vitrine.log"
gpu=$(tr -d ' ' <"/proc/$vitrine/task/$vitrine/children")
status_of() {
	sed -n "s/^$1:[[:space:]]*//p" "/proc/$gpu/status"
}
equal 'seccomp' "$(status_of Seccomp)" 2
equal 'no new privileges' "$(status_of NoNewPrivs)" 1
for set in CapInh CapPrm CapEff CapBnd CapAmb; do
	equal "$set" "$(status_of $set)" 0000000000000000
done
for space in user pid mnt net ipc uts; do
	[ "$(readlink "/proc/$gpu/ns/$space")" != "$(readlink "/proc/$vitrine/ns/$space")" ] ||
		fail "it is in the same $space namespace"
done
equal 'the number of places that can be written to' \
	"$(awk '{ print $6 }' "/proc/$gpu/mountinfo" | grep -cv '^ro,' || true)" 0
equal 'its devices' "$(cd "/proc/$gpu/root/dev" && echo *)" 'null udmabuf urandom zero'
equal 'what it has of etc' "$(cd "/proc/$gpu/root/etc" && ls -d passwd shadow hostname 2>/dev/null)" ''
equal 'sockets in the environment' "$(tr '\0' '\n' <"/proc/$gpu/environ" | grep -c WAYLAND || true)" 0
! grep 'the jail' "$OUT/vitrine.log" || fail 'the jail lacks something'
kill "$vitrine"
end_vitrine 4
