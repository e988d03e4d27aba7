#!/bin/bash
# exact.sh - tests/unit/test_exact.c over real boots; and what verification, annotate and profile say of a machine whose state was
# changed midway.
. "$(dirname "$0")/../lib.sh"
. tests/wild.sh
fuzz_guest 31 fuzz.bin
cd "$top" || exit 2
build build/release/tests/unit/test_exact >"$work/make.log" 2>&1 || { cat "$work/make.log"; exit 1; }
test=$top/build/release/tests/unit/test_exact
export EXACT_STEPS=${EXACT_STEPS:-30000} EXACT_OUT=$work

exact() { # NAME
    "$test" "$1" >"$work/$1.log" 2>&1 || { fail "$1"; grep -v '^\[' "$work/$1.log"; grep -E 'ERROR|LINE|FAILED' "$work/$1.log"; }
}
exact test_pieces_kernel &
exact test_hard_kernel
exact test_hard_firmware
exact test_pieces_firmware
exact test_pieces_smp
exact test_wild
exact test_flips
wait

# The traces that test_flips left: exit status 1, and the report on standard output.
n=0
for said in 'ram page 16384: first differing byte at 0x4000123: recorded 0x20, replayed 0x00 \(1 bytes' \
    'cpu0\.xmm7\[0\]: recorded 0x100000000000, replayed 0x0' 'cpu0\.r15: recorded 0x400, replayed 0x0' \
    'rtc\.cmos\[107\]: recorded 0x8, replayed 0x0' 'machine\.skipped: recorded 0x[0-9a-f]+, replayed 0x[0-9a-f]+'; do
    expect 1 "flip$n" "$BOOTREEL" replay --verify --jobs 1 --console=none "$work/flip$n.reel"
    holds "$work/flip$n.out" 'flip.\.reel: the replay differs from the record' "flip $n"
    holds "$work/flip$n.out" 'the state at the checkpoint at icount 8000000 differs' "flip $n"
    holds "$work/flip$n.out" "^  $said" "flip $n"
    [ "$(wc -l <"$work/flip$n.out")" = 3 ] || fail "flip $n: more than that is said: $(cat "$work/flip$n.out")"
    # In parts: the one that holds it says the same, and the others are verified.
    expect 1 "jobs$n" "$BOOTREEL" replay --verify --jobs 1 --console=none --jobs 2 "$work/flip$n.reel"
    same "$work/flip$n.out" "$work/jobs$n.out" "flip $n by two jobs"
    # So does annotate, with as much written; and if the run is not divided, what differs at its end.
    for j in 1 2; do
        expect 1 "annotate$j" "$BOOTREEL" annotate --jobs $j "$work/flip$n.reel" -o "$work/new$j.reel"
        same <(sed '1s/the replay/diverged: &/' "$work/flip$n.out") "$work/annotate$j.out" "annotate, flip $n by $j jobs"
    done
    same "$work/new1.reel" "$work/new2.reel" "annotate, flip $n: what two jobs write"
    for j in 1 2; do
        expect 2 "profile$j" "$BOOTREEL" profile --every 997 --jobs $j "$work/flip$n.reel"
        holds "$work/profile$j.err" '^bootreel: the state at the checkpoint at icount 8000000 differs from the record' "profile, flip $n by $j jobs"
    done
    expect 1 whole "$BOOTREEL" annotate --inspect "$work/flip$n.reel" -o "$work/new1.reel"
    holds "$work/whole.err" 'flip.\.reel: diverged: .*; find where with bootreel replay --verify$' "annotate, flip $n undivided"
    n=$((n + 1))
done
finish
