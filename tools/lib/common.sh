# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts of tools/ share: where things are, messages, and being root.

tools=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034 # for those who source this
tree=$(dirname "$tools")
# shellcheck disable=SC2034
cache=${VITRINE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/vitrine}
me=${me:-$(basename "$0")}

# Messages go to stderr, with the seconds since the script started: long steps are many here.
say() {
	printf '%s: [%4ds] %s\n' "$me" "$SECONDS" "$*" >&2
}

die() {
	say "$@"
	exit 1
}

as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif command -v sudo >/dev/null; then
		sudo "$@"
	else
		die "this needs root: run it as root, or install sudo"
	fi
}

# The Debian mirror that this system installs from: apt knows it, whichever file format names it.
debian_mirror() {
	local uri
	# shellcheck disable=SC2016 # apt substitutes these
	uri=$(apt-get indextargets --format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' |
		sed -n 's|^\([^ ]*/debian/\{0,1\}\) main$|\1|p' | head -n 1)
	[ -n "$uri" ] || die "no Debian mirror among apt's sources (a URI that ends in /debian)"
	echo "${uri%/}"
}
