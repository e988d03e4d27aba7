#!/bin/bash
# hypercalls.sh - a domain that makes random hypercalls (tests/guests/hvm/calls.c) under asan and ubsan: no findings, and the same bytes as from
# the release build. `tests/run sanitize` has made the build.
. "$(dirname "$0")/../lib.sh"
. tests/hypercalls.sh
build test-guests >"$work/build" 2>&1 || { cat "$work/build"; fail "test guests"; }
cd "$work" || exit 2

calls() { # VARIANT PROGRAM SEED
    expect 0,1 $1-$3 timeout -k 10 200 "$2" record -q --hvmloader calls-$3.elf --bios none --memory 32M --cpus $((1 + $3 % 4)) --until 20M -o $1-$3.reel
    expect 0 $1-$3-replay timeout -k 10 200 "$2" replay --verify --console=none $1-$3.reel
}
for seed in $(seq 21 26); do
    hvm_calls $seed calls-$seed.elf
    calls sanitize "$top/build/sanitize/bootreel" $seed
    calls release "$BOOTREEL" $seed
    same sanitize-$seed.reel release-$seed.reel "calls $seed: sanitized and release"
done
finish
