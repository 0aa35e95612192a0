#!/bin/bash
# SPDX-License-Identifier: MIT
# --net user: a guest gets its address from passt by DHCP, fetches a file from a server on the host's
# loopback and sends one there, and the host fetches one from the guest by a port that was forwarded;
# every byte is right. Packets may be as long as passt takes them. A second card has a passt of its
# own. When the first one's dies, its link goes down and the guest lives on.
# desktop: none
# timeout: 300
. "$(dirname "$0")/lib.sh"

size=$((4 << 20)) gateway=198.51.100.1
# A network for the guest to be on; nobody is out there.
modprobe dummy
ip link add outside type dummy
ip addr add 198.51.100.2/24 dev outside
ip link set outside up
ip route add default via $gateway

mkdir "$TMPDIR/www"
head -c $size /dev/urandom >"$TMPDIR/www/down"
python3 -m http.server --bind 127.0.0.1 --directory "$TMPDIR/www" 8000 >"$OUT/server.log" 2>&1 &
python3 "$(dirname "$0")/take.py" 127.0.0.1 8001 >"$OUT/up" &
wait_until 30 listens 8000 || fail "no server at port 8000"
wait_until 30 listens 8001 || fail "no server at port 8001"

guest-initrd "$TMPDIR/initrd" "$VITRINE_SOURCE"/tests/guest/net-{steps,lease}
start_vitrine --headless --cpus 1 --mem 512 --initrd "$TMPDIR/initrd" \
	--net user,tcp=2280:80,mac=02:00:00:12:34:56 --net user,mtu=1400,mac=02:00:00:12:34:57 \
	--params "quiet vitrine.exec=\"/run/vitrine/net-steps $gateway $size dhcp cable\"" "$GUEST_KERNEL"
line=$(wait_for "$OUT/serial.log" 'net-guest: address' 120)
equal 'the card' "$line" 'net-guest: address 02:00:00:12:34:56'
wait_for "$OUT/serial.log" 'net-guest: mtu 65520'
wait_for "$OUT/serial.log" 'net-guest: another card 02:00:00:12:34:57 mtu 1400'
wait_for "$OUT/serial.log" "net-guest: bound 198.51.100.2 router $gateway"
line=$(wait_for "$OUT/serial.log" 'net-guest: down' 120)
equal 'what the guest got' "$line" "net-guest: down $(sha256sum <"$TMPDIR/www/down")"
line=$(wait_for "$OUT/serial.log" 'net-guest: up' 120)
equal 'what the guest sent' "$line" "net-guest: up $(wait_for "$OUT/up" .)  -"
wait_for "$OUT/serial.log" 'net-guest: serves' 60
back=$(python3 -c '
import hashlib, urllib.request
print(hashlib.sha256(urllib.request.urlopen("http://127.0.0.1:2280/back").read()).hexdigest())')
equal 'what the host got' "$back" "$(cat "$OUT/up")"

passt=$(pgrep -f '^passt --quiet .*2280:80')
kill "$passt"
wait_for "$OUT/vitrine.log" 'passt has ended'
wait_for "$OUT/serial.log" 'net-guest: the cable is out'
end_vitrine 0
