#!/bin/bash
# typing.sh - a script in a pipe as the typist of a guest that polls its serial port and never halts: the lines go in at its prompts, and
# each recording is the same.
. "$(dirname "$0")/../lib.sh"
as --32 -o "$work/guest.o" tests/golden/guest.S &&
    ld -m elf_i386 --no-warn-rwx-segments -T tests/golden/guest.ld -o "$work/guest.elf" "$work/guest.o" &&
    objcopy -O binary "$work/guest.elf" "$work/guest.bin" || { echo "the guest cannot be built"; exit 2; }

type_at() { # NAME
    printf 'one\ntwo x\n' | timeout 120 "$BOOTREEL" record -i --memory 1M --flat "$work/guest.bin@0x7c00" -q -o "$work/$1.reel" \
        >"$work/$1.console" 2>"$work/$1.err" || fail "$1: $(tail -n 2 "$work/$1.err")"
}
type_at a &
type_at b
wait
same "$work/a.reel" "$work/b.reel" "two recordings of the same typing"
tr -d '\r' <"$work/a.console" >"$work/console"
printf 'golden guest\n> one\n> two x\n' | diff - "$work/console" >&2 || fail "what the guest echoed"
expect 0 replay "$BOOTREEL" replay --verify "$work/a.reel"
holds "$work/replay.out" '^verified: ' "replay"
finish
