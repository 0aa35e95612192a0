#!/bin/bash
# SPDX-License-Identifier: MIT
# --net tap: a guest with two processors uses both queue pairs of a tap device; files go both ways through
# it, every byte right.
# desktop: none
# timeout: 300
. "$(dirname "$0")/lib.sh"

size=$((4 << 20)) host=10.77.0.1
modprobe tun
ip tuntap add dev tap0 mode tap multi_queue
ip addr add $host/24 dev tap0
ip link set tap0 up
mkdir "$TMPDIR/www"
head -c $size /dev/urandom >"$TMPDIR/www/down"
python3 -m http.server --bind $host --directory "$TMPDIR/www" 8000 >"$OUT/server.log" 2>&1 &
python3 "$(dirname "$0")/take.py" $host 8001 >"$OUT/up" &
wait_until 30 listens 8000 || fail "no server at port 8000"
wait_until 30 listens 8001 || fail "no server at port 8001"

guest-initrd "$TMPDIR/initrd" "$VITRINE_SOURCE/tests/guest/net-steps"
start_vitrine --headless --cpus 2 --mem 512 --initrd "$TMPDIR/initrd" --net tap=tap0,queues=2 \
	--params "quiet vitrine.exec=\"/run/vitrine/net-steps $host $size 10.77.0.2/24 knock\"" "$GUEST_KERNEL"
line=$(wait_for "$OUT/serial.log" 'net-guest: queues' 120)
equal "the guest's queues" "$line" 'net-guest: queues 2'
line=$(wait_for "$OUT/serial.log" 'net-guest: down' 120)
equal 'what the guest got' "$line" "net-guest: down $(sha256sum <"$TMPDIR/www/down")"
line=$(wait_for "$OUT/serial.log" 'net-guest: up' 120)
equal 'what the guest sent' "$line" "net-guest: up $(wait_for "$OUT/up" .)  -"
wait_for "$OUT/serial.log" 'net-guest: serves' 60
python3 -c '
import hashlib, socket, urllib.request
print(hashlib.sha256(urllib.request.urlopen("http://10.77.0.2/back").read()).hexdigest())
socket.create_connection(("10.77.0.2", 81)).close()' >"$OUT/back"
equal 'what the host got' "$(cat "$OUT/back")" "$(cat "$OUT/up")"
end_vitrine 0
ip link delete tap0
