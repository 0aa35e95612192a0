#!/bin/bash
# SPDX-License-Identifier: MIT
# What bash completes: verbs, options, VMs. usage: completion.sh VITRINE COMPLETION
set -u
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
ln -s "$(readlink -f "$1")" "$tmp/vitrine"
export PATH="$tmp:$PATH" HOME=$tmp XDG_RUNTIME_DIR=$tmp
unset XDG_CONFIG_HOME XDG_DATA_HOME
# shellcheck source=data/completions/vitrine.bash
. "$2"

failed=0
completes() { # WORDS EXPECTED...
	local words=$1 expected got
	shift
	mapfile -t COMP_WORDS < <(tr ' ' '\n' <<<"$words")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	_vitrine
	expected=$(printf '%s\n' "$@" | sort)
	got=$(printf '%s\n' "${COMPREPLY[@]}" | sort)
	if [ "$got" != "$expected" ]; then
		echo "'$words' is completed by:" $got "instead of:" $expected
		failed=1
	fi
}

cd "$tmp" || exit 1
: >kernel
vitrine new debian kernel >/dev/null && vitrine new fedora kernel >/dev/null || exit 1
completes 'vitrine ru' run
completes 'vitrine li' list
completes 'vitrine run --mem' --mem
completes 'vitrine run --initr' --initrd
completes 'vitrine new x --fr' --from
completes 'vitrine new x --initr' --initrd
completes 'vitrine rm --keep' --keep-disks
completes 'vitrine run k' kernel
completes 'vitrine run d' debian
completes 'vitrine rm ' debian fedora
completes 'vitrine edit f' fedora
completes 'vitrine ctl d' debian
completes 'vitrine ctl debian pow' powerbtn
completes 'vitrine ctl debian disk re' remove resize
completes 'vitrine ctl debian displ' displays
exit "$failed"
