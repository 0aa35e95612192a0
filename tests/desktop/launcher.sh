#!/bin/bash
# SPDX-License-Identifier: MIT
# A VM that `vitrine new` has made is started from the compositor's menu by its .desktop entry, and its
# window has its name and icon; a second launch starts no second VM, and brings that window to the front.
# It is dimmed while the guest is suspended. `vitrine top` sees it, and when it is removed, so is its entry.
# The pictures are launcher.png and suspended.png in $OUT.
# desktop: labwc
# timeout: 240
. "$(dirname "$0")/lib.sh"

command -v vitrine >/dev/null || skip "vitrine is not built"
vitrine doctor | tee "$OUT/doctor" || true
for what in KVM udmabuf Wayland jail session passt; do
	grep -q "^ok *$what " "$OUT/doctor" || fail "the doctor sees no $what"
done
install -D -m 644 -t "$HOME/.local/share/icons/hicolor/scalable/apps" data/vitrine.svg
vitrine new demo --hud --cpus 1 --mem 512 --net none --serial "file=$OUT/serial.log" --display size=800x600 \
	--initrd "$GUEST_INITRD" \
	--params "quiet vitrine.exec=\"printf '\\033[44m' >/dev/tty0 && watch -t -n 1 date >/dev/tty0\"" \
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

picture() {
	python3 "$(dirname "$0")/picture.py" "$@"
}
menu_is_open() {
	desktop-shot "$OUT/menu.png"
	picture find "$OUT/menu.png" fcfbfa # nothing else is so white
}
launch() {
	desktop-input click 1430 990 right # where no window is
	wait_until 30 menu_is_open || fail "no menu came"
	desktop-input key down
	desktop-input key ret
}
is_running() {
	vitrine list | grep -q '^demo *running'
}
# Waits until the compositor has a window that is all of that.
window() { # ATTRIBUTE:VALUE...
	timeout 60 wlrctl toplevel waitfor "$@" || fail "no window is $*"
	echo "there is a window that is $*"
}

launch
wait_until 30 is_running || fail "the menu started no VM"
control=demo
# by its app_id, a desktop finds the entry that the window belongs to
window "app_id:$(basename "$entry" .desktop)" "title:$(value Name)" state:active
wait_for "$OUT/serial.log" 'vitrine-guest: init after' 120
drawn() {
	desktop-shot "$OUT/launcher.png"
	# the guest's blue, and on it the letters of the frame timing
	picture find "$OUT/launcher.png" 0000aa >"$OUT/place" &&
		[ "$(picture count "$OUT/launcher.png" e8e8e8 "$(cat "$OUT/place")")" -gt 100 ]
}
wait_until 60 drawn || fail "no picture came"
IFS=x+ read -r width height left top <"$OUT/place"
echo "the guest's picture is ${width}x$height at $left,$top"
coloured=$(picture coloured "$OUT/launcher.png" "60x20+$left+$((top - 22))")
[ "$coloured" -gt 40 ] || fail "the title bar shows no icon: $coloured pixels have a colour"
vitrine top --once | tee "$OUT/top"
grep -q '^demo *running' "$OUT/top" || fail "top does not see it"

# another window over it, and the second launch
foot --app-id=cover --window-size-pixels=1200x800 --override=colors.background=ff00ff sh -c 'sleep 1000' &
foot=$!
corner=$((left + width - 20)),$((top + height - 20))
window app_id:cover state:active
wait_for_pixel "$corner" ff00ff 60
launch
window "app_id:$(basename "$entry" .desktop)" state:active
wait_for_pixel "$corner" 0000aa 30
mv "$OUT/shot.png" "$OUT/raised.png"
one_runs() { # the other has done what it was for
	[ "$(pgrep -fc 'vitrine run demo')" = 1 ]
}
wait_until 30 one_runs || fail "the number of VMs is $(pgrep -fc 'vitrine run demo')"
kill "$foot"

vitrine ctl demo suspend
window "title:$(value Name) — suspended"
is_dimmed() {
	desktop-shot "$OUT/suspended.png"
	colour=$(desktop-pixel "$OUT/suspended.png" "$corner")
	[[ $colour =~ ^0000[1-6].$ ]]
}
wait_until 30 is_dimmed || fail "the picture of a suspended guest has the colour $colour"
vitrine ctl demo resume
wait_for_pixel "$corner" 0000aa 30

if vitrine rm demo; then fail "a running VM was removed"; fi
vitrine ctl demo stop
stopped() {
	! is_running
}
wait_until 30 stopped || fail "it still runs"
vitrine rm demo
[ ! -e "$entry" ] || fail "its entry in the launcher is still there"
