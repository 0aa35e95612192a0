# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Completion of vitrine's command line. What there is to complete is read off --help and `vitrine list`,
# so that it stays true.

_vitrine_verbs() {
	vitrine --help 2>/dev/null | sed -n 's/^  \([a-z]*\)  .*/\1/p'
}

_vitrine_options() { # VERB
	{
		vitrine "$1" --help
		[ "$1" != new ] || vitrine run --help # whose options it takes, too
	} 2>/dev/null | sed -n 's/^  \(--[a-z-]*\).*/\1/p'
}

_vitrine_names() {
	vitrine list 2>/dev/null | sed -n '1d; s/ .*//p'
}

_vitrine_ctl_verbs() {
	vitrine ctl --help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p' | sort -u
}

# The second words of a verb of two.
_vitrine_ctl_second() { # WORD
	vitrine ctl --help 2>/dev/null | sed -n "s/^  $1 \([a-z][a-z]*\) .*/\1/p"
}

_vitrine() {
	local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]-}
	local words='' files=
	COMPREPLY=()
	if [ "$COMP_CWORD" = 1 ]; then
		words=$(_vitrine_verbs)
	elif [[ $word == -* ]]; then
		words=$(_vitrine_options "$verb")
	else
		case $verb in
		edit | rm) words=$(_vitrine_names) ;;
		run) words=$(_vitrine_names) files=1 ;;
		ctl)
			if [ "$COMP_CWORD" = 2 ]; then
				words=$(_vitrine_names) files=1
			elif [ "$COMP_CWORD" = 3 ]; then
				words=$(_vitrine_ctl_verbs)
			else
				words=$([ "$COMP_CWORD" = 4 ] && _vitrine_ctl_second "${COMP_WORDS[3]}")
				[ -n "$words" ] || files=1
			fi
			;;
		*) files=1 ;;
		esac
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	if [ -n "$files" ]; then
		local file
		while read -r file; do COMPREPLY+=("$file"); done < <(compgen -f -- "$word")
		compopt -o filenames 2>/dev/null || true
	fi
}

complete -F _vitrine vitrine
