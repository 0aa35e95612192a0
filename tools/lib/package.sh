# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# The Debian package of this tree, built from a clean export of it, either here or, for Debian 13, in the
# image 'package', which has nothing but what debian/control names.

# The tree as it is now, changes included, as git's name of a tree.
package_tree() {
	local commit
	commit=$(git -C "$tree" -c user.name=check -c user.email=check@localhost stash create)
	git -C "$tree" rev-parse "${commit:-HEAD}^{tree}"
}

package_folder() { # here|debian13
	echo "$cache/work/$(cksum <<<"$tree" | cut -d ' ' -f 1)/package-$1"
}

# package_build here|debian13: package_folder has the package, and what lintian says of it in lintian, when
# they are up to date with the tree. Fails where it can't be built or lintian finds an error, and says that.
package_build() {
	local where=$1 folder content image=here
	folder=$(package_folder "$where")
	content=$(package_tree)
	[ "$where" = here ] || image=$("$tools/image" package) || return
	if [ "$(cat "$folder/made-of" 2>/dev/null)" = "$content $image" ]; then
		return 0
	fi
	as_root rm -rf "$folder"
	mkdir -p "$folder/vitrine"
	git -C "$tree" archive "$content" | tar -x -C "$folder/vitrine"
	# shellcheck disable=SC2016 # for the inner shell
	local make='
		export DEB_BUILD_OPTIONS="nocheck parallel=$(nproc)" LC_ALL=C.UTF-8
		cd "$1/vitrine"
		nice -n 5 dpkg-buildpackage --build-profiles=nocheck -us -uc
		lintian --allow-root --display-info --pedantic ../vitrine_*.changes | tee ../lintian'
	if [ "$where" = here ]; then
		bash -euo pipefail -c "$make" make "$folder" || return
	else
		in_root "$image/root" "$folder" bash -euo pipefail -c "$make" make /vitrine/build || return
	fi
	echo "$content $image" | as_root tee "$folder/made-of" >/dev/null
}

# The files that have to be in it, and no others.
package_expected() {
	local file
	printf 'usr/%s\n' bin/vitrine share/bash-completion/completions/vitrine share/zsh/site-functions/_vitrine \
		share/fish/vendor_completions.d/vitrine.fish share/icons/hicolor/scalable/apps/vitrine.svg \
		share/doc/vitrine/{changelog.gz,copyright,first-ten-minutes.md.gz}
	for file in "$tree"/data/guest/*; do
		echo "usr/libexec/vitrine/$(basename "$file")"
	done
	for file in "$tree"/docs/*.scd; do
		file=$(basename "$file" .scd)
		echo "usr/share/man/man${file##*.}/$file.gz"
	done
}

package_links() { # PROGRAM: the libraries that it names
	objdump -p "$1" | sed -n 's/^ *NEEDED *//p' | sort
}

# package_check here|debian13 PROGRAM: builds the package; whether it has all its files, the version of
# meson.build and of debian/changelog, manuals that man finds, and a program that is linked with the same
# libraries as PROGRAM, which was built where more is installed than debian/control names.
package_check() {
	local folder deb version
	package_build "$1" || return
	folder=$(package_folder "$1")
	deb=$(echo "$folder"/vitrine_*.deb)
	rm -rf "$folder.root"
	dpkg-deb -x "$deb" "$folder.root"
	(cd "$folder.root" && find . ! -type d -printf '%P\n') | sort | diff <(package_expected | sort) - || {
		echo "the files of the package (>) are not what they should be (<)"
		return 1
	}
	version=$(dpkg-deb -f "$deb" Version)
	grep -q -F "version: '$version'" "$tree/meson.build" || {
		echo "meson.build has not the version of debian/changelog, $version"
		return 1
	}
	MANPATH=$folder.root/usr/share/man man -w vitrine vitrine-ctl vitrine.ini vitrine-control || return
	diff <(package_links "$2") <(package_links "$folder.root/usr/bin/vitrine") || {
		echo "the package's program (>) has other libraries than the tests' (<): see Build-Depends"
		return 1
	}
	rm -r "$folder.root"
}
