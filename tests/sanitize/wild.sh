#!/bin/bash
# wild.sh - the fuzz guest (tests/guests/wild) under asan and ubsan: no findings, and the same bytes as from the release build. The system
# tests (tests/guests/sys) too. `tests/run sanitize` has made the builds.
. "$(dirname "$0")/../lib.sh"
. tests/wild.sh

for seed in $(seq 21 36); do fuzz asan "$top/build/asan/bootreel" $seed 2M; done &
for seed in $(seq 21 36); do fuzz ubsan "$top/build/ubsan/bootreel" $seed 2M; done
wait
for seed in 21 22 23 24; do
    fuzz release "$BOOTREEL" $seed 2M
    same asan-$seed.reel release-$seed.reel "fuzz $seed: asan and release"
    same asan-$seed.reel ubsan-$seed.reel "fuzz $seed: asan and ubsan"
done

for variant in asan ubsan; do
    for name in sys32 sys64; do
        expect 0 $name-$variant "$top/build/$variant/bootreel" record --kernel "$wild/$name.bin" --until 500M --console=debug -q -o $name.reel
        same $name-$variant.out "$top/tests/guests/$name.golden" "$name by the $variant build"
    done
done
finish
