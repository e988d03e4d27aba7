#!/bin/bash
# options.sh - the tables of options: every option is in --help, in the completion and in the manual page, and what stands there is in the
# tables; every option is handled by its command; the page is what the tables give. What bash completes is in completion.golden.
. "$(dirname "$0")/../lib.sh"

"$BOOTREEL" manual table >"$work/table" || fail "manual table"
"$BOOTREEL" completion bash >"$work/completion" || fail "completion bash"
BOOTREEL=$BOOTREEL scripts/manual --check || fail "docs/bootreel.1 is not what the tables give: make docs"
commands=$(cut -f 1 "$work/table" | uniq | grep -vx manual)
[ "$(echo "$commands" | wc -l)" -ge 11 ] || fail "commands: $commands"

# Words that look like options, one a line.
options_in() { grep -oE -- '(^|[^a-z0-9-])--[a-z][a-z-]*' | grep -oE -- '--[a-z-]*' | sort -u; }

# only_known NAMED WHAT: the options named in the file NAMED are some command's.
awk -F '\t' '{ print "--" $2 }' "$work/table" | sort -u >"$work/all"
only_known() {
    comm -13 "$work/all" "$1" >"$work/unknown"
    [ ! -s "$work/unknown" ] || fail "$2 options that do not exist: $(cat "$work/unknown")"
}

# The exit status of trouble: that of `run` makes git bisect try another commit.
trouble_of() { case $1 in run) echo 125 ;; *) echo 2 ;; esac; }

section() { sed -n "/^\.SS $1\$/,/^\.S[SH] /p" docs/bootreel.1 | sed 's/\\-/-/g; s/\\f[BIR]//g'; }

. "$work/completion"
for command in $commands; do
    awk -F '\t' -v c="$command" '$1 == c { print "--" $2 }' "$work/table" | sort >"$work/want"
    "$BOOTREEL" "$command" --help >"$work/help" || fail "$command --help: exit status $?"
    "$BOOTREEL" help "$command" | cmp -s - "$work/help" || fail "help $command is not $command --help"
    # Options begin a line, maybe after a letter.
    grep -oE -- '^  (-[a-zA-Z], )?--[a-z-]+' "$work/help" | grep -oE -- '--[a-z-]+' | sort >"$work/got"
    diff "$work/want" "$work/got" || fail "$command --help: not the options of the table"
    ! grep -E '^.{81,}' "$work/help" || fail "$command --help: lines of more than 80 columns"
    # Signs for literals, values that do not exist.
    ! grep -n '[`{}]' "$work/help" || fail "$command --help: marks of the tables"
    tr ' ' '\n' < <(_bootreel_options "$command") | grep -E -- '^--' | sort >"$work/got"
    diff "$work/want" "$work/got" || fail "completion of $command: not the options of the table"
    section "$command" >"$work/section"
    { grep -A 1 '^\.TP' "$work/section" | grep -oE -- '--[a-z-]+'; echo --help; } | sort >"$work/got"
    diff "$work/want" "$work/got" || fail "docs/bootreel.1, $command: not the options of the table"
    # What else is said of options is of some command's.
    cat "$work/help" "$work/section" | options_in >"$work/named"
    only_known "$work/named" "$command: its texts name"
done
options_in < <(sed 's/\\-/-/g; s/\\f[BIR]//g' docs/bootreel.1) >"$work/named"
only_known "$work/named" "docs/bootreel.1 names"

# Every option is known to getopt_long and handled by its command, by its letter too (--help ends the parsing after it).
known() { # COMMAND OPTION...
    "$BOOTREEL" "$@" --help >"$work/out" 2>&1 </dev/null
    ! grep -qE 'unknown|not handled|takes no value|needs a value' "$work/out" || fail "$*: $(cat "$work/out")"
}
while IFS=$'\t' read -r command name letter argument; do
    bad=$(trouble_of "$command")
    case $argument in
    -)
        known "$command" "--$name"
        [ "$letter" = - ] || known "$command" "-$letter"
        expect "$bad" value "$BOOTREEL" "$command" "--$name=5"
        holds "$work/value.err" 'takes no value' "$command --$name=5"
        ;;
    '['*)
        known "$command" "--$name"
        known "$command" "--$name=serial0"
        ;;
    *)
        known "$command" "--$name=5"
        known "$command" "--$name" "${argument%%|*}"
        [ "$letter" = - ] || known "$command" "-$letter" 5
        expect "$bad" value "$BOOTREEL" "$command" "--$name"
        holds "$work/value.err" 'needs a value' "$command --$name"
        ;;
    esac
done <"$work/table"
for command in $commands; do
    expect "$(trouble_of "$command")" unknown "$BOOTREEL" "$command" --frobnicate
    holds "$work/unknown.err" 'option "--frobnicate" is unknown' "$command"
    expect "$(trouble_of "$command")" unknown "$BOOTREEL" "$command" -Z
    holds "$work/unknown.err" 'option "-Z" is unknown' "$command"
done
expect 2 ambiguous "$BOOTREEL" record --c 1
holds "$work/ambiguous.err" 'may be any of --cpus, --cpu, --cdrom, --checkpoint-every, --console' "ambiguous"
expect 0 abbreviated "$BOOTREEL" events --cl cpu --help

# Only the tables give options to getopt_long.
grep -lE 'getopt_long|struct option [a-z]' cli/*.c | grep -vx cli/options.c >"$work/others"
[ ! -s "$work/others" ] || fail "options besides the tables: $(cat "$work/others")"

# The completion, as bash calls it.
compopt() { :; }
complete_words() { # WORD...: the last is being typed
    COMP_WORDS=(bootreel "$@")
    COMP_CWORD=$#
    COMPREPLY=()
    _bootreel
    echo "\$ bootreel $*|"
    printf '    %s\n' "${COMPREPLY[@]}" | sort
}
mkdir "$work/files" && cd "$work/files" && mkdir folder && : >boot.reel && : >image || exit 2
{
    complete_words ''
    complete_words re
    complete_words help s
    complete_words record --m
    complete_words record --bios ''
    complete_words record --bios s
    complete_words record --cpu x
    complete_words record --cpus ''
    complete_words record --boot ''
    complete_words record --until c
    complete_words record -o ''
    complete_words record --events pio,-e
    complete_words record --console = ser
    complete_words record --console =
    complete_words record ''
    complete_words replay ''
    complete_words replay b
    complete_words replay --
    complete_words events boot.reel --class cpu,ir
    complete_words events boot.reel --class -s
    complete_words events boot.reel --format ''
    complete_words events boot.reel --from ''
    complete_words events boot.reel --grep ''
    complete_words stages boot.reel -
    complete_words completion ''
} >"$work/completed" 2>&1
golden "$work/completed" cli/completion.golden
finish
