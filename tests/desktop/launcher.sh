#!/bin/bash
# SPDX-License-Identifier: MIT
# A VM that `vitrine new` has made is started from the compositor's menu by its .desktop entry, and its
# window has its name and icon; a second launch starts no second VM, and asks for that window to come to the
# front, which is labwc's to decide. `vitrine top` sees it, and when it is removed, so is its entry. The picture
# is $OUT/launcher.png.
# desktop: labwc
# full
# timeout: 240
. "$(dirname "$0")/lib.sh"

command -v vitrine >/dev/null || skip "vitrine is not built"
vitrine doctor | tee "$OUT/doctor" || true
for what in KVM udmabuf Wayland jail session passt; do
	grep -q "^ok *$what " "$OUT/doctor" || fail "the doctor sees no $what"
done
install -D -m 644 -t "$HOME/.local/share/icons/hicolor/scalable/apps" data/vitrine.svg
vitrine new demo --hud --cpus 1 --mem 512 --net none --serial "file=$OUT/serial.log" --display size=800x600 \
	--initrd "$GUEST_INITRD" --params 'quiet vitrine.exec="watch -t -n 1 date >/dev/tty0"' \
	"$GUEST_KERNEL"
entry=$HOME/.local/share/applications/vitrine.demo.desktop
value() { # KEY of the entry
	sed -n "s/^$1=//p" "$entry"
}
equal "the entry's icon" "$(value Icon)" vitrine

# labwc's menu is a file; a launcher would read the same entry
mkdir -p /run/vitrine/labwc
cat >/run/vitrine/labwc/menu.xml <<MENU
<openbox_menu><menu id="root-menu" label="">
<item label="$(value Name)" icon="$(value Icon)"><action name="Execute" command="$(value Exec)"/></item>
</menu></openbox_menu>
MENU
pkill -HUP --oldest -x labwc # its first process

launch() {
	desktop-input click 1430 990 right # where no window is
	sleep 1                            # the menu says to nobody that it is open
	desktop-shot "$OUT/menu.png"
	desktop-input key down
	desktop-input key ret
}
is_running() {
	vitrine list | grep -q '^demo *running'
}
launch
wait_until 30 is_running || fail "the menu started no VM: $(tail -n 5 "$OUT/labwc.log")"
control=demo
wait_for "$OUT/serial.log" 'vitrine-guest: init after' 120
pictured() {
	[ "$(stat_of window.committed)" -gt 2 ]
}
wait_until 60 pictured || fail "no picture came"
sleep 2 # for the HUD, four times a second at most, and the compositor
desktop-shot "$OUT/launcher.png"
vitrine top --once | tee "$OUT/top"
grep -q '^demo *running' "$OUT/top" || fail "top does not see it"

# another window over it, and the second launch
foot --window-size-pixels=1200x800 --override=colors.background=ff00ff sh -c 'sleep 1000' &
foot=$!
wait_for_pixel 720,500 ff00ff 60
launch
wait_for "$OUT/labwc.log" 'it. is running already; its window comes to the front|demo. is running already' 30
desktop-shot "$OUT/raised.png"
equal "the number of VMs" "$(pgrep -fc 'vitrine run demo')" 1
kill "$foot"

if vitrine rm demo; then fail "a running VM was removed"; fi
vitrine ctl demo stop
stopped() {
	! is_running
}
wait_until 30 stopped || fail "it still runs"
vitrine rm demo
[ ! -e "$entry" ] || fail "its entry in the launcher is still there"
