#!/bin/bash
# SPDX-License-Identifier: MIT
# --share: a guest reads and writes in two folders of the host's, every byte right, and each side sees what
# the other does. virtiofsd's death is told; after it, the machine still stops as it should.
# desktop: none
# timeout: 240
. "$(dirname "$0")/lib.sh"

mkdir "$TMPDIR/work" "$TMPDIR/other"
head -c $((4 << 20)) /dev/urandom >"$TMPDIR/work/down"
down=$(sha256sum <"$TMPDIR/work/down")
echo "the second" >"$TMPDIR/other/name"

guest-initrd "$TMPDIR/initrd" "$VITRINE_SOURCE/tests/guest/share-steps"
start_vitrine --headless --cpus 1 --mem 512 --initrd "$TMPDIR/initrd" \
	--share "work=$TMPDIR/work" --share "other=$TMPDIR/other" \
	--params 'quiet vitrine.then=shell vitrine.exec=/run/vitrine/share-steps' "$GUEST_KERNEL"
line=$(wait_for "$OUT/serial.log" 'share-guest: read' 120)
equal 'what the guest read' "$line" "share-guest: read $down"
line=$(wait_for "$OUT/serial.log" 'share-guest: wrote')
equal 'what the guest wrote' "$line" "share-guest: wrote $(sha256sum <"$TMPDIR/work/made/up")"
equal 'its mode' "$(stat -c %a "$TMPDIR/work/made/up")" 640
equal 'what is left' "$(cd "$TMPDIR/work" && find . -type f)" ./made/up
line=$(wait_for "$OUT/serial.log" 'share-guest: other')
equal 'the other folder' "$line" 'share-guest: other the second'
touch "$TMPDIR/work/go"
wait_for "$OUT/serial.log" 'share-guest: saw it'
wait_for "$OUT/serial.log" 'exit status 0'

pids=$(pgrep -f 'virtiofsd --fd')
# shellcheck disable=SC2086 # several
kill -KILL $pids
wait_for "$OUT/vitrine.log" "lost the shared folder 'work'"
wait_for "$OUT/vitrine.log" "lost the shared folder 'other'"
stop_vitrine
