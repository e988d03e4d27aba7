#!/bin/bash
# wild.sh - the fuzz guest (tests/guests/wild) under asan and ubsan: no findings, and the same bytes as from the release build. The system
# tests (tests/guests/sys) too. `tests/run sanitize` has made the build.
. "$(dirname "$0")/../lib.sh"
. tests/wild.sh

sanitized=$top/build/sanitize/bootreel
# make soak has ever new ones.
fuzz sanitize "$sanitized" 21 1M &
fuzz sanitize "$sanitized" 22 1M
wait
for seed in 21 22; do
    fuzz release "$BOOTREEL" $seed 1M
    same sanitize-$seed.reel release-$seed.reel "fuzz $seed: sanitized and release"
done

for name in sys32 sys64; do
    expect 0 $name "$sanitized" record --kernel "$wild/$name.bin" --until 500M --console=debug -q -o $name.reel
    same $name.out "$top/tests/guests/$name.golden" "$name by the sanitized build"
done
finish
