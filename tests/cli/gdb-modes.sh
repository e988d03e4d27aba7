#!/bin/bash
# gdb on a small guest that goes from real mode to long mode: the whole transcript is compared. Symbols are those of
# its ELF file, so source lines, bt and finish work.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh

as -g -o "$work/modes.o" tests/guests/modes.S &&
    ld --no-warn-rwx-segments -T tests/guests/modes.ld -o "$work/modes.elf" "$work/modes.o" &&
    objcopy -O binary "$work/modes.elf" "$work/modes.bin" || { echo "the guest cannot be built"; exit 2; }
expect 0 record "$BOOTREEL" record --flat "$work/modes.bin@0x7c00" -q -o "$work/modes.reel"

cat >"$work/modes.gdb" <<END
source scripts/gdb/bootreel.py
symbol-file $work/modes.elf
target remote | $BOOTREEL gdb $work/modes.reel --stdio
monitor progress off
show architecture
x/3i \$pc
break tick
break real_call
tbreak main
info breakpoints
continue
bt 1
stepi 10
p \$cr0
stepi
p \$cr0
x/i \$pc
stepi
show architecture
x/2i \$pc
info registers eip esp cr0
continue
show architecture
bt
p \$rip
p \$boot_icount
p \$efer
continue
bt
finish
p counter
watch *(long *)&counter
continue
continue
reverse-continue
reverse-continue
reverse-continue
delete
break leaf
reverse-continue
continue
next
reverse-next
reverse-finish
reverse-step
reverse-stepi
delete
info threads
rwatch *(long *)&counter
continue
continue
delete
awatch *(long *)&counter
continue
delete
continue
reverse-continue
p \$icount
x/i \$pc
continue
boot-seek 50%
python
try:
  gdb.execute("boot-seek nonsense")
except gdb.error as e:
  print(e)
end
boot-when
boot-last cpu.mode
boot-seek 43
boot-last-write *(long*)&counter
boot-seek 100%
boot-last-write *(long*)&counter
x/i \$pc
boot-find write *(long*)&counter
boot-find exec *&tick
x/i \$pc
boot-mark here
boot-seek 0
boot-seek mark:here
boot-marks
set var *(long*)&counter = 77
boot-when
break tick
continue
p *(long*)&counter
boot-undo
p *(long*)&counter
boot-when
python
try:
  gdb.execute("set \$icount = 5")
except gdb.error as e:
  print(e)
end
detach
END
transcript gdb-modes "$work/modes.gdb"
golden gdb-modes

# Without the script, and without symbols: the same places, and no error on the way through the modes.
cat >"$work/plain.gdb" <<END
target remote | $BOOTREEL gdb $work/modes.reel --stdio
break *0x7ca2
stepi 12
stepi
stepi
stepi 10
continue
stepi 3
unset tdesc filename
p \$rip
x/i \$pc
reverse-continue
reverse-continue
detach
END
transcript gdb-plain "$work/plain.gdb"
golden gdb-plain
finish
