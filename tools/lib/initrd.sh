# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What goes into a guest's initrd beyond what its image has.

# initrd_add INITRD OUT FILE...: the files go to run/vitrine/ in the initrd. The kernel takes several
# archives, one behind the other.
initrd_add() {
	local from=$1 to=$2 dir
	shift 2
	dir=$(mktemp -d "$(dirname "$to")/files.XXXXXX")
	mkdir -p "$dir/run/vitrine"
	cp -r "$@" "$dir/run/vitrine/"
	{
		cat "$from"
		(cd "$dir" && find run | cpio --quiet -R 0:0 -o -H newc)
	} >"$to"
	rm -r "$dir"
}
