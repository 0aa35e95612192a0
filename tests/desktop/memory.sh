#!/bin/bash
# SPDX-License-Identifier: MIT
# Sockets between host and guest by vsock; and memory: what the guest frees is the host's again when it has
# reported it, what is put into the balloon too, and the guest gets it back. Then a guest in huge pages.
# desktop: none
# timeout: 300
. "$(dirname "$0")/lib.sh"

ram() { awk '$1 == "RssShmem:" { print $2 }' "/proc/$vitrine/status"; } # KiB of the guest's
stat_is() { test "$(stat_of "$1")" "$2" "$3"; }
say() { echo "$1" >&"${gate[1]}"; }

modprobe vhost_vsock
coproc gate { exec python3 "$(dirname "$0")/gate.py" 1000 >"$OUT/gate"; }
wait_for "$OUT/gate" 'gate: ready'

guest-initrd "$TMPDIR/initrd" "$VITRINE_SOURCE/tests/guest/memory-steps" "$VITRINE_BUILD/tests/guest/vsock"
start_vitrine --headless --cpus 1 --mem 768 --initrd "$TMPDIR/initrd" --cid 77 --balloon \
	--params 'quiet vitrine.exec=/run/vitrine/memory-steps' "$GUEST_KERNEL"
wait_for "$OUT/gate" 'cid 77: begin' 120
say 'the host says go'
wait_for "$OUT/serial.log" 'vsock: the host says go'
wait_for "$OUT/gate" 'cid 77: full' 120
full=$(ram) before=$(stat_of balloon.reported)
[ "$full" -gt $((300 << 10)) ] || fail "the guest has touched only $full KiB"
say free
wait_for "$OUT/gate" 'cid 77: free'
wait_until 90 stat_is balloon.reported -ge $((before + (160 << 20))) ||
	fail "of 256 MiB, $((($(stat_of balloon.reported) - before) >> 20)) are reported as free"
after=$(ram)
echo "full: $full KiB, freed: $after KiB"
[ "$after" -lt $((full - (128 << 10))) ] || fail "the host has not got the guest's memory back"

vitrine ctl "$control" balloon mib=400
wait_until 90 stat_is balloon.held -ge $((400 << 20)) || fail "the balloon holds $(stat_of balloon.held)"
[ "$(stat_of balloon.inflated)" -ge $((400 << 20)) ] || fail "not all of it is given back"
[ "$(ram)" -lt $(((768 - 400) << 10)) ] || fail "the guest has $(ram) KiB, beside its balloon"
vitrine ctl "$control" balloon mib=0
wait_until 90 stat_is balloon.held -eq 0 || fail "the balloon keeps $(stat_of balloon.held)"
say end
end_vitrine 0

# in huge pages: none are set aside, then enough
start_vitrine --headless --cpus 1 --mem 256,hugepages "$GUEST_KERNEL"
end_vitrine 2
grep -q 'fewer than 128 huge pages' "$OUT/vitrine.log" || fail "what is wrong is not said"
echo 140 >/proc/sys/vm/nr_hugepages
start_vitrine --headless --cpus 1 --mem 256,hugepages --initrd "$GUEST_INITRD" \
	--params 'quiet vitrine.exec="grep MemTotal /proc/meminfo"' "$GUEST_KERNEL"
wait_for "$OUT/serial.log" MemTotal 120
end_vitrine 0
