#!/bin/bash
# duo.sh - two boots side by side: screens, moves that both make, and the differences at the positions that `bootreel diff` gives.
. "$(dirname "$0")/../lib.sh"

"$BOOTREEL" record -q -o "$work/a.reel" </dev/null >/dev/null || fail "record the demo guest"
"$BOOTREEL" record -q --memory 64M --rtc 2021-01-01T00:00:00 -o "$work/b.reel" </dev/null >/dev/null || fail "record it with less memory"

duo() { # NAME SIZE OTHER <SCRIPT
    cat >"$work/$1.script"
    "$BOOTREEL" tui "$work/a.reel" "$work/$3" --script "$work/$1.script" --size "$2" >"$work/$1.out" 2>"$work/$1.err" </dev/null ||
        fail "$1: $(cat "$work/$1.err")"
}

for size in 80x24 130x30 200x60; do
    duo "duo-$size" $size b.reel <<'SCRIPT'
show -
next-difference
show -
other
stages
goto console:primes: 1229
show -
tie
begin
show -
tie
focus differences
keys Home Enter
message difference 1 of
keys z
show -
keys z ?
show -
SCRIPT
    golden "$work/duo-$size.out" "tui/duo-$size.golden"
done

# Every difference that the other command lists with both of its positions, in order of these in A.
"$BOOTREEL" diff "$work/a.reel" "$work/b.reel" >"$work/diff"
sed -n 's/.*\[A \([0-9,]*\), B \([0-9,]*\)\].*/\1 \2/p' "$work/diff" | tr -d , | sort -n -u >"$work/places"
[ "$(wc -l <"$work/places")" -ge 5 ] || fail "diff lists no places"
{
    while read -r a b; do
        echo "goto $((a - 1))"
        echo next-difference
        LC_ALL=C printf "expect A  a.reel  %s \n" "$(echo "$a" | sed -E ':x; s/^([0-9]+)([0-9]{3})/\1,\2/; tx')"
        LC_ALL=C printf "expect B  b.reel  %s \n" "$(echo "$b" | sed -E ':x; s/^([0-9]+)([0-9]{3})/\1,\2/; tx')"
    done <"$work/places"
    # what one boot reaches, the other does at the same milestone
    echo 'goto console:primes: 1229 below 10000'
    echo other
    echo 'code'
    echo 'expect primes'
} | duo places 200x60 b.reel

duo same 120x40 a.reel <<'SCRIPT'
expect none: the boots are the same
next-difference
message no difference after here
goto 50%
other
expect 50.0 %
SCRIPT

# What the rules leave out is no difference.
echo 'expect none: the boots are the same' >"$work/ruled"
expect 0 ruled "$BOOTREEL" tui "$work/a.reel" "$work/b.reel" --ignore all --script "$work/ruled"
expect 2 alone "$BOOTREEL" tui "$work/a.reel" --ignore all --script "$work/ruled"
holds "$work/alone.err" 'rules are about differences: give two traces' "rules for one trace"

"$BOOTREEL" tui "$work/a.reel" /dev/null --dump - >"$work/out" 2>"$work/err" && fail "a second trace that is none"
grep -q '^bootreel: /dev/null: ' "$work/err" || fail "a second trace that is none: $(cat "$work/err")"
echo 'next-difference' >"$work/one"
"$BOOTREEL" tui "$work/a.reel" --script "$work/one" 2>&1 | grep -q 'one:1: there is only one boot' || fail "next-difference of one boot"

. "$(dirname "$0")/tmux.sh"
begin 140x40
run "$BOOTREEL" tui "$work/a.reel" "$work/b.reel"
await 'Differences 16' "the differences"
press d
await 'difference 1 of 16' "the d key"
press C-w
await '▸ B' "the C-w key"
press T
await 'each boot moves by itself' "the T key"
press '^'
await 'B  b.reel  0' "it moves alone"
press T
await 'A  a.reel  0 ' "the other follows again"
press q
ended 0 "two boots"
finish
