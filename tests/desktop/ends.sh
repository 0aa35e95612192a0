#!/bin/bash
# SPDX-License-Identifier: MIT
# How a real guest ends is vitrine's exit status: a panic is 3, a reboot starts it again in place, and
# a stop from outside is 4.
# desktop: none
# timeout: 300
. "$(dirname "$0")/lib.sh"

common=(--headless --mem 512 --initrd "$GUEST_INITRD")

start_vitrine "${common[@]}" --params 'quiet vitrine.exec="echo c >/proc/sysrq-trigger"' \
	"$GUEST_KERNEL"
end_vitrine 3 120
grep -q 'kernel panicked' "$OUT/vitrine.log" || fail "the panic is not named"

start_vitrine "${common[@]}" --params 'quiet vitrine.exec=date vitrine.then=reboot' "$GUEST_KERNEL"
wait_for "$OUT/vitrine.log" 'guest restarts' 120
started_twice() { [ "$(grep -c 'init after' "$OUT/serial.log")" -ge 2 ]; }
wait_until 120 started_twice || fail "no second start"
stop_vitrine

start_vitrine "${common[@]}" --params 'quiet vitrine.exec="sleep 1000"' "$GUEST_KERNEL"
wait_for "$OUT/serial.log" 'init after' 120
kill -TERM "$vitrine"
end_vitrine 4
