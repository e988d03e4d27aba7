#!/bin/bash
# origin.sh - bootreel origin on the demo's boot: a character of the console back to the disk, tried by a flip; JSON; mistakes.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2
"$BOOTREEL" record -q -o a.reel || { fail "record"; finish; }
expect 0 console "$BOOTREEL" origin a.reel --console init --check
holds console.out 'rep insd .*= image: disk0, lba [0-9]+ \+ [0-9]+' "the disk that it was read from"
holds console.out '^check: ([0-9]+) of \1 copies' "each copy flips"
holds console.out '^check: flipped at icount [0-9]+: rax\[0\.\.0\] is 0x68 instead of 0x69$' "the target changes"
expect 0 json "$BOOTREEL" origin a.reel --register cr3 --format json --links 3
python3 -m json.tool <json.out >/dev/null || fail "no JSON"
holds json.out '"source": ?"limit"' "the limit of links"
# The stack pointer: thousands of pushes and pops are one link.
expect 0 stack "$BOOTREEL" origin a.reel --at 60% --register rsp
[ "$(wc -l <stack.out)" -le 8 ] || fail "the stack pointer: $(wc -l <stack.out) lines"
holds stack.out 'iretd .* \(then [0-9]+ steps that add a constant\)' "the stack pointer"
holds stack.out 'constant: immediate 0x' "the stack pointer"
expect 0 screen "$BOOTREEL" origin a.reel --screen 0,0 --links 2
for bad in "--register rfx" "--register st0" "--memory nosuch" "--memory 1,99" "--screen 99,1" "--screen x" "--console zzz" "--register rax --cpu 9" ""; do
    # shellcheck disable=SC2086
    expect 2 bad "$BOOTREEL" origin a.reel $bad
    [ "$(wc -l <bad.err)" = 1 ] && grep -q '^bootreel: ' bad.err || fail "$bad: $(head -n 2 bad.err)"
done
finish
