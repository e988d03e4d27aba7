#!/bin/bash
# bios-services.sh - every BIOS service called from real mode (tests/bios), under our firmware and under SeaBIOS: registers, flags and
# memory afterwards, error cases too. They answer the same, but for what tests/bios/differences.txt lists and explains.
. "$(dirname "$0")/../lib.sh"
need_guests
sh tests/bios/build.sh "$work" || { fail "the test program does not build"; finish; }

services() { # BIOS
    "$BOOTREEL" record --bios "$1" --disk "$work/test.img" --cdrom "$work/cd.iso" --floppy "$work/floppy.img" --boot c --until 4G \
        --console=debug --events none -o "$work/$1.reel" >"$work/$1.log" 2>&1 </dev/null || fail "$1: record exits with $?"
    grep -a '^T ' "$work/$1.log" >"$work/$1.txt"
    grep -qx 'T end' "$work/$1.txt" || { fail "$1: the test did not come to its end"; tail -n 3 "$work/$1.log"; }
}
services builtin
services seabios
diff "$work/seabios.txt" "$work/builtin.txt" | grep '^[<>]' >"$work/found"
grep '^[<>]' tests/bios/differences.txt >"$work/listed"
diff -u --label listed --label found "$work/listed" "$work/found" || fail "other differences than tests/bios/differences.txt lists"
every_way builtin "$work/builtin.reel"
finish
