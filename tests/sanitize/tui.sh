#!/bin/bash
# tui.sh - random keys in the terminal interface, in changing sizes, under asan and ubsan: nothing may come of it but screens.
#
#   tests/sanitize/tui.sh [N]    N scripts (default 3); the K-th is the same in each run
. "$(dirname "$0")/../lib.sh"

./bootreel record -q -o "$work/demo.reel" </dev/null >/dev/null || fail "record the demo guest"
./bootreel tui --keys | cut -f 3 | tr ' ' '\n' | grep -vx 'q\|' >"$work/keys"
printf '%s\n' Esc 0 1 2 3 4 5 6 7 8 9 a s k x y / : >>"$work/keys"
for variant in sanitize; do
    program=build/$variant/bootreel
    [ -x "$program" ] || { fail "no $program: make $variant"; continue; }
    for ((k = 1; k <= ${1:-3}; k++)); do
        awk -v seed="$k" 'BEGIN { srand(seed) } { key[n++] = $0 }
            function some(a, b) { return a + int(rand() * (b - a)) }
            END {
                print "goto " some(0, 100) "%"
                for (i = 0; i < 150; i++) {
                    if (rand() < 0.05) print "size " some(20, 220) "x" some(5, 70)
                    if (rand() < 0.1) print "keys Esc Esc C-a x Esc"
                    print "cancel " some(1, 4)
                    line = "keys"
                    for (j = 0; j < 6; j++) line = line " " key[some(0, n)]
                    print line
                }
            }' "$work/keys" >"$work/script"
        timeout 300 "$program" tui "$work/demo.reel" --script "$work/script" --dump "$work/out" >"$work/log" 2>&1 ||
            { fail "$variant, script $k"; grep -m 1 -A 12 'ERROR\|runtime error\|bootreel:' "$work/log"; }
    done
done
finish
