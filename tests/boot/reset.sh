#!/bin/bash
# reset.sh - the ways in which a program of real mode restarts the PC through our own BIOS (tests/guests/reset.S): each is a reset, and
# the same disk boots again; a program that left a place to go on goes on there.
. "$(dirname "$0")/../lib.sh"

ways=('JMP FFFF:0000' 'JMP F000:FFF0' 'JMP F000:E05B' 'JMP FFFF:0000 with A20 off' 'CMOS shutdown code 0Ah')
for how in 0 1 2 3 4; do
    way=${ways[$how]}
    flat_guest "$work/reset.img" 0x7c00 tests/guests/reset.S --defsym HOW=$how
    truncate -s 1M "$work/reset.img"
    expect 0 reset$how "$BOOTREEL" record --disk "$work/reset.img" --until 5M --console -q -o "$work/reset.reel"
    "$BOOTREEL" events --class power "$work/reset.reel" >"$work/power"
    holds "$work/reset$how.out" '^first boot' "$way"
    if [ $how = 4 ]; then
        holds "$work/reset$how.out" '^went on' "$way"
        ! grep -q 'power\.reset' "$work/power" || fail "$way: a reset"
    else
        holds "$work/reset$how.out" '^second boot' "$way"
        [ "$(grep -c 'power\.reset' "$work/power")" = 1 ] || fail "$way: not one reset"
    fi
    holds "$work/power" 'power off by isa-debug-exit' "$way: its end"
    every_way reset$how "$work/reset.reel"
done

# A kernel that resets the machine at once, again and again. Each reset takes guest time, but no step: --until counts it.
as --32 -o "$work/loop.o" - <<'END'
    .intel_syntax noprefix
    .globl _start
    .long 0x1badb002, 0, -0x1badb002
_start: lidt [none]
    ud2
none: .quad 0
END
ld -m elf_i386 --no-warn-rwx-segments -n -Ttext=0x100000 -o "$work/loop" "$work/loop.o" || fail "no guest"
expect 0,1 loop "$BOOTREEL" record --kernel "$work/loop" --keep-going --until 20ms -q -o "$work/loop.reel"
expect 0 loop "$BOOTREEL" info "$work/loop.reel"
holds "$work/loop.out" '^ended +reached at icount [0-9]+, guest time 0\.02[0-4]' "--until in a loop of resets"
every_way loop "$work/loop.reel"
finish
