#!/bin/bash
# truth.sh - what the terminal interface shows is what other ways of asking say: registers, memory, code and stack as gdb has them,
# events, processes and the screen as the other commands print them, at positions all over a boot.
#
#   tests/tui/truth.sh [N]    at N positions (default 12; the release is tried with 100)
. "$(dirname "$0")/../lib.sh"
positions=${1:-12}

need_guests
recording iso-builtin || finish
reel=$recordings/iso-builtin.reel
last=$("$BOOTREEL" info "$reel" | sed -n 's/^ended .* at icount \([0-9,]*\),.*/\1/p' | tr -d ,)

# The same positions in each run: a generator of our own. Half of them in the last quarter, where processes are.
seed=12345
next() { seed=$(((seed * 1103515245 + 12345) % 2147483648)); }
for ((i = 0; i < positions; i++)); do
    next
    at=$((seed * (last / 2147483648 + 1)))
    next
    at=$(((at + seed % 1000) % last))
    [ $((i % 2)) = 0 ] && at=$((last - at / 4))
    echo "$at"
done | sort -n >"$work/positions"

# What gdb says of each.
{
    echo 'set pagination off'
    echo 'set confirm off'
    echo 'set width 0'
    echo "source $top/scripts/gdb/bootreel.py"
    echo "boot-open $reel"
    while read -r at; do
        echo "python gdb.write('@@ $at\\n', gdb.STDERR); gdb.flush(gdb.STDERR)"
        echo "boot-seek $at"
        echo "python gdb.write('mem ' + bytes(gdb.selected_inferior().read_memory(int(gdb.parse_and_eval('\$pc')) & (1 << 64) - 1, 16)).hex(' ') + '\\n', gdb.STDERR)"
        echo "python gdb.write('stk ' + bytes(gdb.selected_inferior().read_memory(int(gdb.parse_and_eval('\$sp')) & (1 << 64) - 1, 16)).hex(' ') + '\\n', gdb.STDERR)"
        echo 'monitor regs general'
        echo 'monitor regs control'
        echo 'monitor when'
    done <"$work/positions"
    echo 'kill'
} >"$work/gdb.in"
BOOTREEL=$BOOTREEL timeout 500 gdb -nx -q -batch -x "$work/gdb.in" >"$work/gdb.out" 2>&1 </dev/null || {
    fail "gdb: $(tail -n 2 "$work/gdb.out")"
    finish
}

# What the interface shows.
while read -r at; do
    printf '%s\n' "goto $at" processor "show $work/$at.cpu" memory 'address pc' "show $work/$at.code" 'address sp' "show $work/$at.stack" screen zoom "show $work/$at.screen" zoom events 'filter all' zoom "show $work/$at.events" zoom 'filter story' \
        'processes' zoom "show $work/$at.ps" zoom
done <"$work/positions" >"$work/script"
"$BOOTREEL" tui "$reel" --script "$work/script" --size 150x70 2>"$work/err" || fail "$(cat "$work/err")"

# register AT NAME: gdb's value.
register() { sed -n "/^@@ $1\$/,/^@@ /p" "$work/gdb.out" | sed -n "s/^  $2  *\([0-9a-f]*\)\$/\1/p" | head -n 1; }
wide=0
while read -r at; do
    for r in rax rbx rcx rdx rsi rdi rbp rsp rip; do
        want=$(register "$at" $r)
        [ -n "$want" ] || { fail "$at: gdb does not say $r"; continue; }
        if grep -q 'rip' "$work/$at.cpu"; then
            grep -Eq "$r +$want" "$work/$at.cpu" || fail "$at: $r is not $want"
            wide=$((wide + 1))
        else
            grep -Eq "e${r#r} +${want: -8}" "$work/$at.cpu" || fail "$at: e${r#r} is not ${want: -8}"
        fi
    done
    want=$(register "$at" cr3 | sed 's/^0*//')
    grep -Eq "cr3 +0*$want( |\$)" "$work/$at.cpu" || fail "$at: cr3 is not $want"
    # 16 bytes of code and of the stack; the view begins at a multiple of 16, and has a gap in the middle.
    for what in mem:code stk:stack; do
        want=$(sed -n "/^@@ $at\$/,/^@@ /p" "$work/gdb.out" | sed -n "s/^${what%:*} //p" | head -n 1)
        [ -n "$want" ] || continue # not mapped
        grep -Eo '^ [0-9a-f]{8,16}  ([0-9a-f]{2} +){16}' "$work/$at.${what#*:}" | sed 's/^ [0-9a-f]*  //' | tr -s ' \n' ' ' >"$work/bytes"
        grep -q "$want" "$work/bytes" || fail "$at: ${what#*:} is not $want"
    done
    # The event at the cursor is the first from there on.
    "$BOOTREEL" events "$reel" --from "$at" 2>/dev/null | head -n 1 | awk '{print $2}' >"$work/want"
    number=$(sed ':a;s/\B[0-9]\{3\}\>/,&/;ta' "$work/want")
    [ -z "$number" ] || grep -q " $number " "$work/$at.events" || fail "$at: the events from icount $number on are not shown"
    # The screen, without what is right of it.
    if "$BOOTREEL" screen "$reel" --at "$at" >"$work/want" 2>/dev/null; then
        sed -n '3,27p' "$work/$at.screen" >"$work/got"
        sed 's/ *$//' "$work/want" >"$work/want.cut"
        cmp -s "$work/got" "$work/want.cut" || fail "$at: the screen is another: $(diff "$work/got" "$work/want.cut" | head -n 3)"
    fi
    # All living processes.
    "$BOOTREEL" processes "$reel" --at "$at" --format json >"$work/ps" 2>/dev/null
    grep -o '"pid":[0-9]*' "$work/ps" | grep -o '[0-9]*$' >"$work/pids"
    while read -r pid; do
        grep -Eq "^.? *$pid " "$work/$at.ps" || fail "$at: process $pid is not shown"
    done < <(head -n 40 "$work/pids")
done <"$work/positions"
# Stacks, on the demo guest, which has call frames: gdb's are ours. What we only guess is marked, and left out. `back` is a label in the
# function `common`, which gdb names.
"$BOOTREEL" record -q -o "$work/demo.reel" </dev/null >/dev/null || fail "record the demo guest"
for at in 50000 90000 200000 300000 1000000 2500000 3700000 4100000 9600445 9700000; do
    printf 'goto %s\ncode\nshow -\n' "$at" | "$BOOTREEL" tui "$work/demo.reel" --script - --size 150x60 |
        sed -nE 's/.* (#[0-9]+) +[0-9a-f]+  ([A-Za-z_][^ +]*).*/\1 \2/p' | sed 's/ back$/ common/' >"$work/ours"
    printf '%s\n' 'set pagination off' 'set confirm off' "source $top/scripts/gdb/bootreel.py" "boot-open $work/demo.reel" \
        "monitor seek $at" boot-refresh 'echo @@\n' bt kill >"$work/bt.gdb"
    BOOTREEL=$BOOTREEL timeout 60 gdb -nx -q -batch -x "$work/bt.gdb" 2>/dev/null </dev/null | sed '1,/^@@/d' |
        sed -nE 's/^(#[0-9]+) +(0x[0-9a-f]+ in )?([^ ]+).*/\1 \3/p' >"$work/theirs"
    [ -s "$work/theirs" ] || fail "$at: gdb shows no stack"
    cmp -s "$work/ours" "$work/theirs" || fail "$at: the stack is another: $(diff "$work/ours" "$work/theirs" | head -n 5)"
done
[ "$wide" -gt 0 ] || fail "no position in 64-bit mode was tried"
finish
