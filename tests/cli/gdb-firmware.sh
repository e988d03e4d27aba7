#!/bin/bash
# gdb in our own firmware and in the demo guest, by the symbols, lines and call frames that are in the trace: 32-bit code
# in the ROM, real-mode code on a stack of its own, a 16-bit loader, a 32-bit kernel. Needs no guest.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
reel=$work/demo.reel
expect 0 record "$BOOTREEL" record -q -o "$reel"

# Names and lines without gdb.
"$BOOTREEL" symbols "$reel" >"$work/tables"
holds "$work/tables" ' elf +bios$' "the firmware's symbols"
holds "$work/tables" ' elf +rom$' "the firmware's symbols in the ROM"
holds "$work/tables" ' elf +loader$' "the loader's symbols"
holds "$work/tables" ' elf +kernel$' "the kernel's symbols"
"$BOOTREEL" symbols "$reel" int13_disk kernel:kernel_main >"$work/names" || fail "symbols: exit status $?"
holds "$work/names" '^00000000000f[0-9a-f]{4} +[0-9]+ T int13_disk \[bios\]$' "a service"
expect 1 no-name "$BOOTREEL" symbols "$reel" 0x7c00
int13=$(awk '/int13_disk/ { print $1 }' "$work/names")
"$BOOTREEL" symbols "$reel" "0x$int13" >"$work/line"
holds "$work/line" ' int13_disk \[bios\] bios/disk\.c:[0-9]+$' "its line"

# A symbol as a probe, and as a condition of a stage; again from the trace, which has the symbols; and of an ELF file.
printf 'stage disk\n    open symbol int13_disk\n    close return int13_disk\n' >"$work/disk.profile"
expect 2 probe "$BOOTREEL" record -q -o "$work/probe.reel" --probe bios:acpi_init --probe acpi_exit --probe 0xffffff --profile "$work/disk.profile"
holds "$work/probe.err" '^bootreel: probe acpi_exit: no symbol of that name was found$' "a probe without a place"
holds "$work/probe.err" '^bootreel: probe 0xffffff: it was never executed$' "a probe that was not reached"
"$BOOTREEL" events "$work/probe.reel" --grep probe. >"$work/probes"
[ "$(grep -c 'probe.enter .*bios:acpi_init' "$work/probes")" = 1 ] || fail "acpi_init is not entered once"
[ "$(grep -c 'probe.leave .*bios:acpi_init returned' "$work/probes")" = 1 ] || fail "acpi_init is not left once"
enters=$(grep -c 'probe.enter .*int13_disk' "$work/probes")
[ "$enters" -ge 5 ] && [ "$enters" = "$(grep -c 'probe.leave .*int13_disk' "$work/probes")" ] || fail "int13_disk: entered $enters times, left otherwise"
"$BOOTREEL" stages "$work/probe.reel" >"$work/stages"
[ "$(grep -c ' disk$' "$work/stages")" = "$enters" ] || fail "int13_disk: not a stage each"
expect 0 probe-replay "$BOOTREEL" replay --verify "$work/probe.reel"
expect 0 annotate "$BOOTREEL" annotate "$reel" -q -o "$work/annotated.reel" --probe int13_disk
[ "$("$BOOTREEL" events "$work/annotated.reel" --grep probe.enter | wc -l)" = "$enters" ] || fail "annotate: int13_disk"
expect 0 annotate-replay "$BOOTREEL" replay --verify "$work/annotated.reel"
# By a pattern; each event has the function's name.
[ "$("$BOOTREEL" find "$reel" --exec 'bios:int13_d*' --count)" -ge "$enters" ] || fail "find by a pattern"
"$BOOTREEL" symbols "$reel" 'acpi_ini*' >"$work/pattern" || fail "symbols by a pattern"
holds "$work/pattern" ' [tT] acpi_init \[bios\]$' "symbols by a pattern"
expect 0 annotate-pattern "$BOOTREEL" annotate "$reel" -q -o "$work/pattern.reel" --probe 'int13_d[i]*'
[ "$("$BOOTREEL" events "$work/pattern.reel" --grep 'probe.enter' | grep -c int13_disk)" = "$enters" ] || fail "a probe by a pattern"

# POST's steps.
"$BOOTREEL" stages "$reel" >"$work/stages"
for step in reset shadow memory pci processors tables memory-map real-mode vectors clock ports keyboard display drives option-roms boot-list; do
    holds "$work/stages" " s  *[0-9]+      bios\\.post\\.$step\$" "stage of POST"
done
holds "$work/stages" '    bios\.boot$' "INT 19h"

cat >"$work/firmware.gdb" <<END
source scripts/gdb/bootreel.py
target remote | $BOOTREEL gdb $reel --stdio
monitor progress off
bt
stepi
next
info line int13_disk
list int13_disk
tbreak memory_size
continue
bt
finish
tbreak floppy_init
continue
bt
finish
next
info symbol \$pc
tbreak int13_disk
continue
bt
reverse-finish
stepi
info symbol \$pc
tbreak load_kernel
continue
next
next
tbreak disk_read
continue
bt
next
finish
tbreak switch_to
continue
bt
detach
END
transcript firmware "$work/firmware.gdb"
out=$work/firmware.out
holds "$out" '^reset_vector \(\) at bios/reset\.S:[0-9]+$' "the first instruction"
holds "$out" '^#0 +reset_vector \(\) at' "its frame is the only one"
holds "$out" '^[0-9]+.        cld' "next in the ROM"
holds "$out" '^Line [0-9]+ of "bios/disk\.c" starts at address 0x[0-9a-f]+ <int13_disk>' "info line"
holds "$out" '^[0-9]+.void int13_disk\(struct regs \*r\)$' "list"
holds "$out" '^#1 .* in post32 \(\) at bios/post32/post32\.c:[0-9]+$' "frames of 32-bit code"
holds "$out" '^#2 .* in post32_start \(\) at bios/post32/start32\.S:[0-9]+$' "the first frame"
holds "$out" '^post32 \(\) at bios/' "finish in 32-bit code"
holds "$out" '^#1 +0x000f[0-9a-f]{4} in post16 \(\) at bios/post\.c:[0-9]+$' "frames of real-mode code"
holds "$out" '^post16 \(\) at bios/post\.c:[0-9]+$' "finish in real-mode code"
holds "$out" '^[0-9]+.    disks_init\(\);$' "the line after it"
holds "$out" '^post16 \+ [0-9]+ in section' "next steps over a call in real-mode code"
holds "$out" '^#1 .* in service_call \(\) at bios/entry\.S:[0-9]+$' "a service's caller"
holds "$out" 'load_kernel \(\) at guests/demo/boot/load\.c' "the loader"
holds "$out" '^#[0-9]+ .* in kernel_main \(\) at guests/demo/kernel/main\.c' "frames of the kernel"
holds "$out" '^#1 .* in process_run \(\)' "an assembly function's caller"
grep -n 'corrupt stack\|in ?? ()\|internal-error' "$out" && fail "gdb is lost"

# The same by an ELF file: firmware that is none of ours to the program.
if [ -r build/release/bios/bios.elf ]; then
    expect 0 file "$BOOTREEL" record -q -o "$work/file.reel" --bios build/release/bios/bios.bin --until 400k
    printf '%s\n' "target remote | $BOOTREEL gdb $work/file.reel --symbols build/release/bios/bios.elf --stdio" \
        'tbreak floppy_init' continue bt >"$work/file.gdb"
    transcript file "$work/file.gdb"
    holds "$work/file.out" '^#1 +0x000f[0-9a-f]{4} in post16 \(\) at bios/post\.c:[0-9]+$' "gdb --symbols"
    expect 0 file-symbols "$BOOTREEL" record -q -o "$work/file.reel" --bios build/release/bios/bios.bin \
        --symbols build/release/bios/bios.elf --until 400k
    "$BOOTREEL" symbols "$work/file.reel" "0x$int13" >"$work/line"
    holds "$work/line" ' int13_disk \[bios.elf\] bios/disk\.c:[0-9]+$' "record --symbols"
fi
finish
