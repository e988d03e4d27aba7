#!/bin/bash
# relocates.sh - the symbols of a SeaBIOS go to where it has moved the code of its initialization: breakpoints, find, in a trace with the symbols and
# in one without.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
gcc -g -c -o "$work/a.o" tests/guests/relocates.S && ld --no-warn-rwx-segments -Ttext=0x1000 -e _start -o "$work/a.elf" "$work/a.o" &&
    objcopy -O binary "$work/a.elf" "$work/a.bin" || { echo "the guest cannot be built"; exit 2; }
cd "$work" || exit 2
expect 0,1 record "$BOOTREEL" record -q --flat a.bin@0x1000 --until 20k --symbols a.elf -o with.reel
expect 0,1 record "$BOOTREEL" record -q --flat a.bin@0x1000 --until 20k -o without.reel
expect 0 symbols "$BOOTREEL" symbols with.reel maininit
holds symbols.out '^0000000000009002 .* maininit \[a.elf, relocated\]' "where the symbol is"
expect 0 find "$BOOTREEL" find with.reel --exec maininit --first
holds find.out ' maininit ' "the code is executed there"
debug() { # NAME BOOTREEL-OPTION...
    gdb_run -ex "target remote | $BOOTREEL gdb ${*:2} --stdio" -ex 'break maininit' -ex continue -ex 'monitor when' -ex 'break part' -ex continue >"$1"
}
debug with with.reel
holds with '^Breakpoint 1.*maininit \(\)' "a breakpoint"
holds with '^Breakpoint 2.*part \(\)' "and another"
debug without without.reel --symbols a.elf
holds without '^Breakpoint 1.*maininit \(\)' "symbols that are given later"
finish
