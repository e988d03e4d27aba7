#!/bin/bash
# why.sh - bootreel why says of small broken machines what is wrong with them, in text and JSON, in gdb and in what record prints; and of a
# healthy one that nothing is. tests/why/run has many more.
. "$(dirname "$0")/../lib.sh"
cd "$work" || exit 2
. "$top/tests/why/small.sh"
. "$top/tests/why/hangs.sh"

for name in absent return masked signature printed_panic reset missing off; do
    "small_$name"
    "$BOOTREEL" why "$name.reel" >"$name.out" 2>&1
    status=$?
    [ $status = "$([ "$name" = off ] && echo 0 || echo 1)" ] || fail "$name: exit status $status"
    { echo "== $name"; cat "$name.out"; } >>now
    # As in the museum's golden.
    awk -v name="== $name" '/^== / { on = $0 == name } on' "$top/tests/why/small.golden" >>want
done
diff -u want now || fail "not as in tests/why/small.golden: REBASE=1 tests/why/run small"

expect 1 json "$BOOTREEL" why --format json return.reel
holds json.out '"answer": "wrong"' "JSON"
holds json.out '"code": "rails.return"' "JSON"
holds json.out '"verdict": "a return address was overwritten' "JSON"
python3 -c 'import json, sys; assert len(json.load(open("json.out"))["evidence"]) >= 3' || fail "JSON"

# The list of codes in the manual is that of the program, with the exit status that each stands for.
sed -n 's/^CODE([A-Z0-9_]*, "\([^"]*\)", \([A-Z]*\), "\(.*\)")$/\1 \2 \3/p' "$top/core/case/codes.def" |
    sed 's/ WRONG / 1 /; s/ NOTHING / 0 /; s/ UNKNOWN / 3 /' >codes.want
sed -n 's/^| `\([a-z.-]*\)` | \([013]\) | \(.*\) |$/\1 \2 \3/p' "$top/docs/why.md" >codes.now
[ -s codes.now ] || fail "docs/why.md has no codes"
diff -u codes.want codes.now || fail "docs/why.md lists other codes"

# Before it went wrong nothing has gone wrong yet.
expect 3 early "$BOOTREEL" why return.reel --at 5
grep -q 'overwritten' early.out && fail "--at: what is later is told"

# The loops of both processors are seen wherever it ends in their turns.
own_long_turns 2
for i in $(seq 8); do
    expect 1 "long-$i" "$BOOTREEL" why long_turns.reel --at $((30000000 + 3000 * i))
    verdict "long-$i.out" >"long-$i.text"
    holds "long-$i.text" 'processor 0 spins .* for the lock .*, which processor 1 has taken at .* and not released: it is in a loop of 1 instruction' "long turns, place $i"
done
own_long_turns 12
expect 1 last "$BOOTREEL" why long_turns.reel
verdict last.out >last.text
holds last.text 'which processor 11 has taken at .* and not released: it is in a loop of 1 instruction' "the last of twelve processors"
holds last.text 'it was taken here: 0x0 -> 0x1 by processor 11' "the last of twelve processors"

# What record prints, and the report.
expect 1 record "$BOOTREEL" record --memory 16M --flat absent.bin@0x100000 --until 8s -o again.reel
holds record.out '^why: triple fault: #UD invalid opcode at 0x' "record's summary"
holds record.out 'more: bootreel why again.reel' "record's summary"
expect 0 report "$BOOTREEL" export --format html --pictures 0 -q -o report.html absent.reel
holds report.html 'whose handler cannot run: the gate of vector 6' "the report"

# diff begins with it, if it is not the same in both.
expect 1 diff "$BOOTREEL" diff off.reel absent.reel
sed -n 2p diff.out | grep -q '^why B *triple fault: #UD invalid opcode' || fail "diff: $(head -n 3 diff.out)"
expect 1 diff_json "$BOOTREEL" diff --format json off.reel absent.reel
python3 -c '
import json
d = json.load(open("diff_json.out"))
assert d["a"]["why"]["answer"] != "wrong" and d["comparisons"][0]["b"]["why"]["answer"] == "wrong"' || fail "diff: JSON"
expect 0 same "$BOOTREEL" diff absent.reel absent.reel
grep -q '^why' same.out && fail "diff of one boot with itself"

# A matrix has a column of it.
printf 'kind good --disk off.img\nkind bad --flat absent.bin@0x100000\nall --memory 16M --until 8s\n' >kinds.matrix
"$BOOTREEL" matrix kinds.matrix --run 1 -o jobs >/dev/null || fail "matrix: the good one"
"$BOOTREEL" matrix kinds.matrix --run 2 -o jobs >/dev/null 2>&1 && fail "matrix: the bad one"
expect 1 matrix "$BOOTREEL" matrix kinds.matrix --merge jobs
holds matrix.out 'guest time  what went wrong$' "matrix"
holds matrix.out '^ +2  bad +triple-fault .*  triple fault at .*; triple fault: #UD invalid opcode' "matrix"

# In gdb.
if command -v gdb >/dev/null; then
    gdb -q -nx -batch -ex "target remote | $BOOTREEL gdb absent.reel --stdio" -ex "monitor why" >gdb.out 2>&1 </dev/null
    holds gdb.out '> boot-seek [0-9]+$' "monitor why"
fi
finish
