#!/bin/bash
# SPDX-License-Identifier: MIT
# A Debian system on a raw disk boots to a login on the serial line, takes a command there, writes to
# its disk, and powers off; what it wrote is there in the next boot.
# desktop: none
# timeout: 400
. "$(dirname "$0")/lib.sh"

# One processor: a nested guest of two stalls now and then on a busy machine (HACKING.md, the emulated
# desktop). boot-matrix.sh has the others.
disk=$(guest-disk)
mkfifo "$OUT/keys"
vitrine run --headless --cpus 1 --mem 1024 --initrd "$GUEST_INITRD" --rwdisk "$disk" \
	--params 'root=/dev/vda quiet' "$GUEST_KERNEL" <"$OUT/keys" >"$OUT/serial.log" 2>"$OUT/vitrine.log" &
vitrine=$!
exec {keys}>"$OUT/keys"
wait_for "$OUT/serial.log" 'login:' 200
printf 'root\n' >&"$keys"
wait_for "$OUT/serial.log" '# ' 100
# The answer has what the echo of the question has not.
printf 'echo it-is-$((40 + 2)); echo kept >/root/kept; head -c 100 /dev/hwrng | wc -c\n' >&"$keys"
wait_for "$OUT/serial.log" 'it-is-42' 60
wait_for "$OUT/serial.log" '^100' 60
printf 'poweroff\n' >&"$keys"
exec {keys}>&-
end_vitrine 0 120

start_vitrine --headless --mem 512 --initrd "$GUEST_INITRD" --disk "$disk,ro" \
	--params 'root=/dev/vda vitrine.overlay quiet vitrine.exec="cat /root/kept"' "$GUEST_KERNEL"
end_vitrine 0 120
grep -q '^kept' "$OUT/serial.log" || fail "what was written is gone"
