#!/bin/bash
# lockstep.sh - replay --lockstep: equal runs, and a mistake planted in compiled code ($BOOTREEL_COMPILE_WRONG), which is named.
. "$(dirname "$0")/../lib.sh"
unset BOOTREEL_GUESTS BOOTREEL_COMPILE
cd "$work" || exit 2
"$BOOTREEL" record -q -o demo.reel || { fail "record"; finish; }
"$BOOTREEL" replay --lockstep demo.reel >equal.out 2>equal.err
if grep -q 'has no compiler' equal.err; then
    skip_all "this build has no compiler"
fi
holds equal.out '^lockstep: [0-9,]* steps, equal at each of 11 comparisons$' "the demo guest"
BOOTREEL_COMPILE=1 expect 0 often "$BOOTREEL" replay --lockstep=200k demo.reel
holds often.out 'equal at each of 52 comparisons$' "the demo guest, all of it compiled"

# A wrong result is in the state after its block, whatever the distance between comparisons: it is found by bisection.
for every in 100k 5M; do
    BOOTREEL_COMPILE_WRONG=imul expect 1 "wrong$every" "$BOOTREEL" replay --lockstep=$every demo.reel
    holds "wrong$every.out" '^demo.reel: compiled code does not do what the interpreter does; equal up to icount [0-9]+$' "$every: what it says"
    holds "wrong$every.out" '^  [0-9]+  0x[0-9a-f]+  imul ' "$every: the instruction is among the last steps"
    holds "wrong$every.out" '^  cpu0\.[a-z]+: interpreted 0x[0-9a-f]+, compiled 0x[0-9a-f]+$' "$every: the register"
    [ "$(grep -c '^  cpu0' "wrong$every.out")" -le 2 ] || fail "$every: more differs than one result"
done
same <(sed 1d wrong100k.out) <(sed 1d wrong5M.out) "the same step, however far comparisons are apart"

expect 2 interpreted "$BOOTREEL" replay --lockstep --no-compile demo.reel && holds interpreted.err 'leave out --no-compile' "--no-compile"
expect 2 both "$BOOTREEL" replay --lockstep --verify demo.reel && holds both.err 'goes with neither' "--verify"
expect 2 none "$BOOTREEL" replay --lockstep=0 demo.reel && holds none.err 'lockstep' "--lockstep=0"
finish
