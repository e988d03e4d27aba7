#!/bin/bash
# lockstep.sh - compiled code against the interpreter over real boots (tests/unit/test_lockstep.c), and the programs' bytes by either.
. "$(dirname "$0")/../lib.sh"
need_guests
cd "$top" || exit 2
build build/release/tests/unit/test_lockstep >"$work/make.log" 2>&1 || { cat "$work/make.log"; exit 1; }
test=$top/build/release/tests/unit/test_lockstep

lockstep() { # NAME EVERY UNTIL
    LOCKSTEP_EVERY=$2 LOCKSTEP_UNTIL=$3 "$test" "$1" >"$work/$1.log" 2>&1 || { fail "$1"; grep -v '^\[' "$work/$1.log"; }
}
lockstep test_kernel 50000000 2500000000
lockstep test_cd 10000000 1500000000

# The same bytes, whether or not code is compiled.
for n in 0 1 7; do
    BOOTREEL_COMPILE=$n expect 0 "demo$n" "$BOOTREEL" record -q -o "$work/demo$n.reel"
    same "$work/demo0.reel" "$work/demo$n.reel" "the demo guest, compiled at entry $n"
done
for t in tests/golden/behaviour-1[45]*.reel; do
    BOOTREEL_COMPILE=1 expect 0 golden "$BOOTREEL" replay --verify --console=none "$t"
done
finish
