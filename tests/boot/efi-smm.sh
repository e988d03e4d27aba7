#!/bin/bash
# efi-smm.sh - system management mode at a position: OVMF's build with SMM on a Q35. Its modules have names, the mode is shown, calls go on
# where the interrupt came, and breakpoints stop in it, on entry and on exit.
. "$(dirname "$0")/../lib.sh"
. tests/gdb.sh
need_efi
ovmf=$(dirname "$(find "$GUESTS/root" -name OVMF_CODE_4M.fd | head -n 1)")
reel=$work/smm.reel
# Status 1: the boot stops where it has no system to start.
"$BOOTREEL" record --machine q35 --memory 512M --pflash "$ovmf/OVMF_CODE_4M.secboot.fd" --pflash "$ovmf/OVMF_VARS_4M.fd" --until console:BdsDxe -q \
    -o "$reel" >"$work/record" 2>&1 || [ $? = 1 ] || fail "record: $(cat "$work/record")"

"$BOOTREEL" events "$reel" --class firmware >"$work/events"
holds "$work/events" 'efi.start +PiSmmCore starts at 0x' "the core"
holds "$work/events" 'efi.loaded +PiSmmCpuDxeSmm loaded at 0x' "a driver is loaded"
holds "$work/events" 'efi.start +VariableSmm starts at 0x' "a driver starts"
"$BOOTREEL" used "$reel" >"$work/used" 2>&1
! grep -q 'not known' "$work/used" || fail "used: $(grep 'not known' "$work/used")"

# In the middle of the longest stay in SMM: the drivers there are dispatched.
read -r from to <<<"$("$BOOTREEL" events "$reel" --class cpu | awk '/cpu.smm .*=on/ { at = $2 } /cpu.smm .*=off/ && $2 - at > most { most = $2 - at; from = at; to = $2 } END { print from, to }')"
middle=$(((from + to) / 2))
# Where the interrupt came: what the registers say there is what the calls must go on with.
"$BOOTREEL" tui "$reel" --at "$middle" --script /dev/null --dump "$work/screen" || fail tui
holds "$work/screen" ', SMM$' "the header of the terminal interface"

gdb_run -ex "source scripts/gdb/bootreel.py" -ex "boot-open $reel --at $from" -ex "monitor progress off" -ex 'printf "before %#lx\n", $pc' -ex boot-bt \
    -ex "boot-seek $((from + 1))" -ex "echo @first\n" -ex boot-when -ex boot-bt \
    -ex "boot-seek $middle" -ex "echo @middle\n" -ex boot-when -ex "info threads" -ex boot-bt -ex bt -ex 'set $here = $pc' -ex 'break *$here if $boot_smm()' \
    -ex "boot-seek 0" -ex "echo @stops\n" -ex continue -ex 'printf "smm %d\n", $smm' -ex delete -ex "boot-seek $middle" \
    -ex "boot-break-event cpu.smm enter=0" -ex continue -ex 'printf "exit at %lu\n", $icount' -ex reverse-continue -ex "monitor unbreak 2" \
    -ex "boot-break-event cpu.smm enter=1" -ex reverse-continue -ex 'printf "entry at %lu\n", $icount' -ex 'set $smm = 1' >"$work/gdb"
part() { sed -n "/^@$1/,/^@/p" "$work/gdb"; }
place=$(sed -n 's/^before //p' "$work/gdb")
part first >"$work/first"
part middle >"$work/middle"
holds "$work/first" '^CPU 0 at [0-9a-f]+:8000, real mode, SMM$' "boot-when at the entry"
holds "$work/first" "^#1 +0x0*${place#0x} in SmmControl2Dxe" "the first caller is what was interrupted"
holds "$work/middle" 'CPU 0 at .*, 64-bit mode, ring 0, SMM, ' "boot-when in a module"
holds "$work/middle" '"CPU 0" \(64-bit mode, ring 0, SMM\)' "info threads"
holds "$work/middle" "^#[0-9]+ +0x[0-9a-f]+ in PiSmmCpuDxeSmm" "calls in SMM"
holds "$work/middle" "^#[0-9]+ +0x[0-9a-f]+ in entry of system management mode$" "the code that is in no image"
holds "$work/middle" "^#[0-9]+ +0x0*${place#0x} in SmmControl2Dxe" "calls go on where the interrupt came"
holds "$work/middle" "^#[0-9]+ +0x0+ in \?\? " "bt ends"
holds "$work/middle" "caller of #[0-9]+ is unknown: system management mode begins here: boot-bt goes on" "bt says where to go on"
holds "$work/middle" "^#[0-9]+ +0x[0-9a-f]+ in DxeCore" "… down to the DXE core"
# Before the interrupt, the calls are the same.
sed -n '/^before/,/^@first/p' "$work/gdb" | sed -n 's/^#[0-9]*  *\(0x[0-9a-f]* in .*[+].*\)/\1/p' >"$work/calls"
sed -n '/^#[0-9].*SmmControl2Dxe+/,$p' "$work/first" | sed -n 's/^#[0-9]*  *\(0x[0-9a-f]* in .*[+].*\)/\1/p' | tail -n "$(wc -l <"$work/calls")" >"$work/through"
cmp -s "$work/calls" "$work/through" || fail "calls before and in SMM: $(diff "$work/calls" "$work/through")"
holds "$work/gdb" '^smm 1$' "a breakpoint in SMM"
holds "$work/gdb" "^exit at $((to))$|^exit at $((to + 1))$" "a stop on exit"
holds "$work/gdb" "^entry at $from$|^entry at $((from + 1))$" "a stop on entry"
finish
