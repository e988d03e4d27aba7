#!/bin/bash
# script.sh - scripts of the terminal interface say what they could not do: a command that fails ends them with an error, unless the
# next line expects its message. And the help: it is wrapped, it has the mouse, and q closes it.
. "$(dirname "$0")/../lib.sh"

"$BOOTREEL" record -q -o "$work/a.reel" </dev/null || fail "record"
script() { # STATUS TEXT LINE...: what the error says
    local status=$1 text=$2
    shift 2
    printf '%s\n' "$@" >"$work/script"
    expect "$status" script "$BOOTREEL" tui "$work/a.reel" --script "$work/script" --size 80x24
    [ -z "$text" ] || holds "$work/script.err" "$text" "$*"
    [ "$(wc -l <"$work/script.err")" -le 1 ] || fail "$*: more than one line: $(cat "$work/script.err")"
}
script 2 'script:1: .*nope' 'goto stage:nope' 'step'
script 2 'script:2: .*nosuchsymbol' step 'break nosuchsymbol'
script 2 'script:1: .*nosuchsymbol' 'watch nosuchsymbol'
script 2 'script:1: .*console:never' 'goto console:never printed'
script 2 'script:1: .*processor' 'cpu 7'
script 2 'script:1: .*page' 'page nope'
script 2 'script:1: .*frob' ':frobnicate'
script 2 'script:1: .*folder' 'directory /no/such/folder'
script 0 '' 'goto stage:nope' 'message nope' step
script 2 'last line' 'goto stage:nope' 'message something else'
script 0 '' ':goto stage:loader' 'expect loader' ': goto 40%' 'expect 40.0 %' ':+5' 'keys : : g o t o Space 0 Enter' 'expect a.reel  0 '
script 0 '' 'back-step' 'next-event disk' 'next-event disk' 'previous-event disk' 'cancel 1' 'goto 100%'
script 2 'script:1: no such event before here' 'previous-event disk'

# What went wrong, and where a value comes from: Enter goes to a line's moment, and asking leaves the position.
script 0 '' why 'expect nothing went wrong' 'keys Down Down Enter' 'goto 60%' 'expect a.reel  6,2' 'page memory' 'keys O' 'expect Where it comes from' \
    'expect a.reel  6,2' 'expect immediate 0x0' 'origin rsp' 'expect push' 'keys End Enter' 'expect stage'
script 0 '' 'goto 100%' 'origin console that was all' 'expect serial_char+0x11' 'page console' 'last' 'keys O' 'expect serial_char'
script 2 'no console line' 'origin console never printed'
script 2 'from 0 on' 'origin screen 1'
script 2 'diversion' 'goto 40%' live 'keys C-a x' live 'origin rax'

# The call tree of a stage: what was in progress is open; a call is run again when it is unfolded; Enter goes to its first instruction.
script 0 '' 'goto 40%' 'keys t' 'expect Calls of user.together' 'search switch_to' 'search 0x401065' 'expect + 0x401065' unfold 'expect - 0x401065' unfold \
    'expect + 0x401065' 'keys +' 'expect - 0x401065' 'keys - Enter' 'expect a.reel  4,133,354 '
script 0 '' 'page stages' 'search user.key' 'keys t' 'expect Calls of user.key'
script 2 'two positions' 'calls 40%'
script 2 'after the first' 'calls 41% 40%'

# Reads are found and stopped at as bootreel find has them: the BIOS looks at the boot sector's signature once.
at=$("$BOOTREEL" find "$work/a.reel" --read 0x7dfe,2 --first | awk '{print $1; exit}' | sed ':a; s/\B[0-9]\{3\}\>/,&/; ta')
script 0 '' 'goto 90%' 'find read 0x7dfe 2' 'expect read 1 time;' 'watch read 0x7dfe 2' 'expect read watchpoint at 0x7dfe' 'page marks' \
    'expect read watchpoint of 2 bytes' 'back-continue' "expect a.reel  $at " 'watch read 0x7dfe' 'expect removed' 'watch access 0x7dfe 2' \
    'expect access watchpoint at 0x7dfe'
script 2 'of which memory' 'page code' 'find read'

# q, ? and Esc close the help, and do not end the program.
script 0 '' 'keys ?' 'expect Keys' 'keys q' 'expect Timeline' 'keys ? Esc' 'expect Timeline' 'keys ? ?' 'expect Timeline'

# All of the help is there in any width: its words are those of the list of keys.
words() { tr -s ' \n' '\n\n' | grep -v '^$' | sort -u; }
"$BOOTREEL" tui --keys | cut -f 4 | words >"$work/want"
for width in 60 80 120 200; do
    printf '%s\n' help 'show -' >"$work/script"
    "$BOOTREEL" tui "$work/a.reel" --script "$work/script" --size ${width}x400 >"$work/help"
    words <"$work/help" | comm -23 "$work/want" - >"$work/missing"
    [ ! -s "$work/missing" ] || fail "help at $width columns lacks $(tr '\n' ' ' <"$work/missing")"
    holds "$work/help" '^ Mouse' "the mouse is in the help at $width columns"
done

# Processes that were made long before are not new after a long way.
cat >"$work/script" <<'S'
goto 100%
processes
show -
S
"$BOOTREEL" tui "$work/a.reel" --script "$work/script" >"$work/processes"
! grep -q ' new ' "$work/processes" || fail "old processes are called new"
# In the list of stages + makes the timeline show the one that is selected.
script 0 '' 'page stages' 'keys Home +' 'message the timeline shows bios' 'size 120x40' 'keys Home Down +' 'expect Timeline 2' 'page devices' 'keys Home Enter' \
    'expect 8259A pair'
script 0 '' 'page devices' 'keys Home Down Down Down Enter' 'expect BAR 4'
# Steps are those of the processor that was chosen; this one waits for ever.
"$BOOTREEL" record -q --cpus 2 -o "$work/a.reel" </dev/null || fail "record"
script 0 '' 'goto 5M' 'cpu 0' 'step 3' 'expect 5,000,003 ' 'back-step 2' 'expect 5,000,001 ' \
    'cpu 1' step 'expect processor 1 waits' 'expect 5,000,001 ' 'back-step' 'expect processor 1 waits' 'cpu turn' step 'expect 5,000,002 '
finish
