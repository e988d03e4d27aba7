#!/bin/bash
# system.sh - the processor's system side, as guests of our own see it (tests/guests/sys): segmentation, gates, tasks, paging, privilege,
# exceptions, virtual-8086 mode, debugging, code that changes; in 16-, 32- and 64-bit modes; and 5-level paging, on a processor that has it. What they print is in
# tests/guests/*.golden; tests/guests/oracle shows how QEMU or Bochs print it.
. "$(dirname "$0")/../lib.sh"
build test-guests >"$work/make.log" 2>&1 || { cat "$work/make.log"; exit 1; }
guests=$top/build/release/tests/guests

for name in sys32 sys64 levels5; do
    image=$guests/$name.bin
    set --
    [ $name != levels5 ] || { image=$guests/sys64.bin; set -- --cpu max --append la57; }
    expect 0 $name "$BOOTREEL" record --kernel "$image" "$@" --until 500M --console=debug -q -o "$work/$name.reel"
    holds "$work/$name.out" '^end$' "$name: runs to its end"
    golden "$work/$name.out" guests/$name.golden
    expect 0 $name-replay "$BOOTREEL" replay --verify --jobs 1 --console=debug "$work/$name.reel"
    same <(head -n -1 "$work/$name-replay.out") "$work/$name.out" "$name: console of the replay"
    every_way $name "$work/$name.reel"
    expect 0 $name-info "$BOOTREEL" info "$work/$name.reel"
    holds "$work/$name-info.out" '^ended +power-off: isa-debug-exit .* status 33$' "$name: how it ends"
done
finish
