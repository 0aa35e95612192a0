#!/bin/bash
# SPDX-License-Identifier: MIT
# The Debian package as its user meets it: it is installed by dpkg, the doctor finds what it needs, `vitrine
# new --from` an image with the package's scripts makes a VM, and that shows a picture by a graphics process in
# its jail, all of it of /usr. Once removed, nothing of it is left. The picture is $OUT/package.png.
# desktop: weston
# package
# full
# timeout: 300
. "$(dirname "$0")/lib.sh"

[ -n "${PACKAGE-}" ] || skip "tools/desktop was not asked for the --package"
rm /etc/dpkg/dpkg.cfg.d/99mmdebstrap # what the image has of no package, manuals, it is to have of this one
dpkg -i "$PACKAGE"
trap 'dpkg --purge vitrine' EXIT
export PATH=/run/vitrine:/usr/sbin:/usr/bin:/sbin:/bin
equal 'vitrine' "$(command -v vitrine)" /usr/bin/vitrine
equal 'its version' "$(vitrine --version)" "vitrine $(dpkg-query -W -f '${Version}' vitrine)"
dpkg --verify vitrine
[ -s /usr/share/man/man1/vitrine.1.gz ] || fail "there is no manual"

vitrine doctor | tee "$OUT/doctor"
for what in KVM udmabuf Wayland 'title bars' jail passt virtiofsd; do
	grep -q "^ok *$what " "$OUT/doctor" || fail "the doctor sees no $what"
done
! grep '^less *scripts' "$OUT/doctor" || fail "the doctor does not see the package's scripts"

# a disk image with a kernel of Debian's, as far as the script looks
mkdir -p "$TMPDIR/tree/boot" "$TMPDIR/tree/etc"
cp "$GUEST_VMLINUZ" "$TMPDIR/tree/boot/vmlinuz-1"
cp "$GUEST_INITRD" "$TMPDIR/tree/boot/initrd.img-1"
touch "$TMPDIR/tree/etc/os-release"
mke2fs -q -t ext4 -d "$TMPDIR/tree" "$TMPDIR/image.img" 256M
vitrine new packaged --from "$TMPDIR/image.img" --cpus 1 --mem 512 --net none --serial "file=$OUT/serial.log" \
	--display size=640x480 --params 'root= vitrine.exec="watch -t -n 1 date >/dev/tty0"'
vitrine run packaged >"$OUT/vitrine.log" 2>&1 &
vitrine=$!
control=packaged
wait_for "$OUT/serial.log" 'vitrine-guest: init after' 180
pictured() {
	[ "$(stat_of window.committed)" -gt 2 ]
}
wait_until 60 pictured || fail "no picture came"
desktop-shot "$OUT/package.png"
gpu=$(tr -d ' ' <"/proc/$vitrine/task/$vitrine/children")
equal 'the graphics process' "$(readlink "/proc/$gpu/exe")" /usr/bin/vitrine
equal 'its seccomp' "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$gpu/status")" 2
! grep -E 'error|the jail' "$OUT/vitrine.log" || fail "vitrine complains"
stop_vitrine
vitrine rm --remove-disks packaged

trap - EXIT
dpkg --purge vitrine
for left in /usr/bin/vitrine /usr/libexec/vitrine /usr/share/doc/vitrine; do
	[ ! -e "$left" ] || fail "$left is still there"
done
