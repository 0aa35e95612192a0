# SPDX-License-Identifier: MIT
# Completion of vitrine's command line. What there is to complete is read off --help and `vitrine list`.

function __vitrine_verbs
    vitrine --help 2>/dev/null | string match -r '^  [a-z]+ +.*' | string replace -r '^  ([a-z]+) +(.*)' '$1\t$2'
end

function __vitrine_options
    set -l words (commandline -opc)
    set -l verbs $words[2]
    test $words[2] = new; and set -a verbs run # whose options it takes, too
    for verb in $verbs; vitrine $verb --help 2>/dev/null; end | string match -r '^  --[a-z-]+' | string trim
end

function __vitrine_names
    vitrine list 2>/dev/null | tail -n +2 | string replace -r ' .*' ''
end

function __vitrine_ctl_verbs
    set -l words (commandline -opc)
    if test (count $words) -eq 3
        vitrine ctl --help 2>/dev/null | string match -rg '^  ([a-z]+) .*' | sort -u
    else if test (count $words) -eq 4
        vitrine ctl --help 2>/dev/null | string match -rg "^  $words[4] ([a-z]+) .*"
    end
end

complete -c vitrine -n __fish_use_subcommand -f -a '(__vitrine_verbs)'
complete -c vitrine -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -a '(__vitrine_options)'
complete -c vitrine -n '__fish_seen_subcommand_from edit rm' -f -a '(__vitrine_names)'
complete -c vitrine -n '__fish_seen_subcommand_from run' -a '(__vitrine_names)'
complete -c vitrine -n '__fish_seen_subcommand_from ctl; and test (count (commandline -opc)) -eq 2' -a '(__vitrine_names)'
complete -c vitrine -n '__fish_seen_subcommand_from ctl; and test (count (commandline -opc)) -gt 2' -f -a '(__vitrine_ctl_verbs)'
