#!/bin/bash
# gdb with a file that is marked for another system (EI_OSABI: FreeBSD), as that system's kernels are: addresses stay 64 bits wide. What
# bootreel serves is marked for none.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh

as -g -o "$work/modes.o" tests/guests/modes.S &&
    ld --no-warn-rwx-segments -T tests/guests/modes.ld -o "$work/modes.elf" "$work/modes.o" &&
    objcopy -O binary "$work/modes.elf" "$work/modes.bin" || { echo "the guest cannot be built"; exit 2; }
cp "$work/modes.elf" "$work/freebsd.elf"
printf '\011' | dd of="$work/freebsd.elf" bs=1 seek=7 conv=notrunc status=none
expect 0 record "$BOOTREEL" record --flat "$work/modes.bin@0x7c00" --symbols "$work/freebsd.elf" -q -o "$work/modes.reel"

looks() { # NAME ARGUMENT...
    local name=$1
    shift
    gdb_run "$@" -ex "target remote | $BOOTREEL gdb $work/modes.reel --stdio" -ex 'break main' -ex continue -ex 'p sizeof(void *)' \
        -ex 'p (void *)0xffffffff80001234' -ex 'info symbol $pc' >"$work/$name.out"
    holds "$work/$name.out" '^\$1 = 8$' "$name: the size of an address"
    holds "$work/$name.out" '0xffffffff80001234$' "$name: an address"
    holds "$work/$name.out" '^main ' "$name: symbols"
}
for script in bootreel.py bootreel.gdb; do
    looks "$script" -x "scripts/gdb/$script" -ex "file $work/freebsd.elf"
done
looks served -ex "set remoteaddresssize 64"
finish
