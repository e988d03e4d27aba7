#!/bin/bash
# wild.sh - guests that do what none should: a triple fault, a jump to nowhere, a halt for good, an endless wait, a flood of events, firmware of
# zeros, an empty disk, and one that throws junk at every device and runs random bytes (tests/guests/wild/fuzz.c). Each ends
# clearly, replays, and takes no more memory and no more of the disk than its steps explain. Under asan and ubsan: tests/sanitize/wild.sh.
. "$(dirname "$0")/../lib.sh"
. tests/wild.sh

ended() { # NAME TEXT: how the recording must have ended, and that it replays
    holds "$1.out" "^ended: $2" "$1"
    every_way "$1" "$1.reel"
}
flat() { # NAME ADDRESS UNTIL: none of them boots anything, which is exit status 1
    expect 1 "$1" timeout 60 "$BOOTREEL" record --keep-going --flat "$wild/$1.bin@$2" --until "$3" -o "$1.reel"
}
smaller() { # NAME BYTES
    [ "$(stat -c %s "$1.reel")" -le "$2" ] || fail "$1: a trace of $(stat -c %s "$1.reel") bytes"
}

flat halt 0x7c00 1M
ended halt 'the guest halted, and nothing can wake it'

flat triple 0x7c00 20k
ended triple 'stopped where --until said'
smaller triple 100000
"$BOOTREEL" events triple.reel --to 10 --class power >triple-events
holds triple-events 'power.triple-fault' "triple: events"
holds triple-events 'power.reset +reset by triple fault' "triple: events"

flat nowhere 0x100000 5k
ended nowhere 'stopped where --until said'
"$BOOTREEL" events nowhere.reel --to 100 >nowhere-events
holds nowhere-events 'unhandled +mmio 0xd0000000' "nowhere: events"
holds nowhere-events 'power.triple-fault' "nowhere: events"

flat zero 0x100000 1M
ended zero 'stopped where --until said'

# Two accesses and four events in eleven steps, none like another: 2.4 bytes a step.
flat flood 0x100000 1M
ended flood 'stopped where --until said'
smaller flood 4000000

# An idle guest lets guest time pass, and can be ended at any moment of it; otherwise it would end by itself (docs/endings.md).
for pause in 0.3 0.7 1.1; do
    timeout -s INT $pause "$BOOTREEL" record --keep-going --flat "$wild/loop.bin@0x7c00" -o loop.reel >loop.out 2>loop.err
    ended loop 'interrupted by a signal'
done
expect 1 loop-time "$BOOTREEL" record --flat "$wild/loop.bin@0x7c00" --until 2.5s -o loop.reel
cp loop-time.out loop.out
ended loop 'stopped where --until said'

# So can its replay, and that is no difference.
expect 1 wait "$BOOTREEL" record --flat "$wild/wait.bin@0x100000" --until 60000s -o wait.reel
ended wait 'stopped where --until said'
for pause in 0.2 0.5; do
    timeout -s INT $pause "$BOOTREEL" replay --verify --jobs 1 --console=none wait.reel >wait.out 2>&1
    holds wait.out '(: interrupted at icount|^verified: )' "wait: replay"
done

# Firmware that is none: zeros are instructions, too.
head -c 256K /dev/zero >zeros.bios
expect 1 zeros "$BOOTREEL" record --bios zeros.bios --until 3M -o zeros.reel
ended zeros '(stopped where --until said|the guest halted, and nothing can wake it)'

# An empty disk: the firmware says so, and waits.
for bios in seabios builtin; do
    expect 1 empty-disk "$BOOTREEL" record --bios $bios --disk disk --until 'console:No bootable d' --console=debug -o empty-disk.reel
    ended empty-disk 'stopped where --until said'
done

# The fuzz guest, in an address space of 1.5 GiB.
ulimit -v 1500000
seeds=${WILD_SEEDS:-2} # on each of two processors; make soak has ever new ones
for seed in $(seq 1 "$seeds"); do fuzz release "$BOOTREEL" $seed 10M; done &
for seed in $(seq $((seeds + 1)) $((2 * seeds))); do fuzz release "$BOOTREEL" $seed 10M; done
wait
for seed in $(seq 1 $((2 * seeds))); do smaller release-$seed 20000000; done
finish
