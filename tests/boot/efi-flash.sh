#!/bin/bash
# efi-flash.sh - OVMF in flash: its shell runs a script that sets a variable and resets; after the reset the script reads it back, lists drivers,
# handles, memory map and variables, and switches off. What bootreel reads from memory at these positions is the same. The variables can be taken
# out and given to another machine. Bad images are said in one line.
. "$(dirname "$0")/../lib.sh"
need_efi

# A disk whose script does something else in its second boot.
cat >"$work/startup.nsh" <<'EOF'
@echo -off
fs0:
if exist fs0:\done.txt then
  setvar Hello -guid 11111111-2222-3333-4444-555555555555
  setvar Volatile -guid 11111111-2222-3333-4444-555555555555 -bs -rt =0x010203
  drivers
  dh -v
  memmap
  dmpstore -all
  reset -s
endif
setvar Hello -guid 11111111-2222-3333-4444-555555555555 -nv -bs -rt ="wonderful"
echo done > fs0:\done.txt
reset
EOF
sed -i 's/$/\r/' "$work/startup.nsh"
truncate -s 8M "$work/disk.img"
mformat -i "$work/disk.img" -v TEST -N 12345678 :: && mcopy -i "$work/disk.img" "$work/startup.nsh" :: || fail "no disk"

record() { # NAME OPTIONS...
    expect 0 "$1" "$BOOTREEL" record --disk "$work/disk.img" --until 60G --console -q -o "$work/$1.reel" "${@:2}"
}
record first --bios ovmf --save-vars "$work/vars.fd"
"$BOOTREEL" events --class firmware "$work/first.reel" >"$work/events"
hello='VariableName "Hello", VendorGuid 11111111-2222-3333-4444-555555555555'
holds "$work/events" "Shell: SetVariable\\($hello, Attributes 0x7, DataSize 9\\) = EFI_SUCCESS" "the variable is set"
holds "$work/events" "Shell: GetVariable\\($hello\\) = EFI_SUCCESS" "the variable is read"
! grep 'efi.note' "$work/events" || fail "something is damaged"
[ "$(grep -c 'efi.bds .*entered' "$work/events")" = 2 ] || fail "not two boots"
"$BOOTREEL" info "$work/first.reel" >"$work/info"
holds "$work/info" '^ended +power-off: ACPI' "how it ends"
holds "$work/info" '32-bit protected mode -> compatibility mode' "its PEI has 32 bits"
"$BOOTREEL" stages --all --depth 3 "$work/first.reel" >"$work/stages"
for s in PlatformPei DxeIpl CpuMpPei; do # the first one in place, the others copied to the memory that it has found
    holds "$work/stages" "  bios.pei.$s\$" "PEI modules of 32 bits"
done
every_way first "$work/first.reel"

# Every driver that the shell lists was seen to start.
sed 's/\x1b\[[0-9;=]*[A-Za-z]//g' "$work/first.out" | tr -d '\r' | awk '/^ *[0-9A-F]+ [0-9A-F]+ [?BD] / { print $NF }' | sort -u >"$work/listed"
grep -Eo 'efi.start +[^ ]+' "$work/events" | awk '{ print $2 }' | sort -u >"$work/started"
[ "$(wc -l <"$work/listed")" -gt 20 ] || fail "the shell lists no drivers"
comm -23 "$work/listed" "$work/started" >"$work/unseen"
[ ! -s "$work/unseen" ] || fail "listed, not started: $(tr '\n' ' ' <"$work/unseen")"

# What the firmware has in memory is what its shell lists.
list() { # NAME POSITION
    expect 0 "$1" "$BOOTREEL" firmware --at "console:$2" "$work/first.reel" "$1" && mv "$work/$1.out" "$work/$1"
}
list drivers 'DRIVER NAME'
list handles 'Decompress('
list map '# Pages'
list variables 'Reset with'
tests/boot/efi-lists.py "$work/first.out" "$work" || fail "lists"
holds "$work/handles" '^ +driven by DiskIoDxe$' "who has opened a protocol"
expect 0 images "$BOOTREEL" firmware "$work/first.reel" images tables
holds "$work/images.out" '^[0-9a-f]{10}-[0-9a-f]{10}  application  handle 0x[0-9a-f]+  Shell$' "the shell's image"
holds "$work/images.out" 'EFI_ACPI_20_TABLE$' "tables"
expect 0 pages "$BOOTREEL" firmware "$work/first.reel" allocations
holds "$work/pages.out" '^[0-9a-f]{10}-[0-9a-f]{10} +[0-9]+ pages  EfiBootServicesCode +[0-9]+  the image of AtaBusDxe$' "who has pages: an image"
holds "$work/pages.out" '^[0-9a-f]{10}-[0-9a-f]{10} +[0-9]+ pages  EfiBootServicesData +[0-9]+  DiskIoDxe$' "who has pages: a caller"
expect 0 pages-json "$BOOTREEL" firmware "$work/first.reel" allocations --format json
python3 - "$work/pages-json.out" "$work/map" <<'END' || fail "allocations are not in the map"
import json, sys
ranges = [(int(a, 16), int(b, 16), line.split()[-1]) for line in open(sys.argv[2]) for a, b in [line.split()[0].split('-')]]
for x in json.load(open(sys.argv[1]))[0]['entries']:
    begin = int(x['address'], 16) if isinstance(x['address'], str) else x['address']
    assert x.get('image') or x['caller']
    assert any(a <= begin <= b for a, b, t in ranges), x
END
expect 1 early "$BOOTREEL" firmware --at stage:bios.pei "$work/first.reel" handles
holds "$work/early.err" '^bootreel: handles: .*give a later one' "before there are handles"
expect 2 unknown "$BOOTREEL" firmware "$work/first.reel" nothing

# The flash chip's content at the end is that of the file: another machine has the same variables before it does anything.
# (A file of a firmware volume is shown by its name only where the volume has been seen.)
lasting() { awk '/^[^ ]/ { keep = /  NV[+]/ } keep' "$1" | sed 's/FvFile([^)]*)/FvFile/'; }
expect 0 kept "$BOOTREEL" record --pflash "$(find "$GUESTS/root" -name OVMF_CODE_4M.fd | head -n 1)" --pflash "$work/vars.fd" --until 10 -q -o "$work/kept.reel"
expect 0 before "$BOOTREEL" firmware "$work/kept.reel" variables
expect 0 after "$BOOTREEL" firmware "$work/first.reel" variables
lasting "$work/before.out" >"$work/before"
lasting "$work/after.out" >"$work/after"
holds "$work/before" '^Hello-11111111-2222-3333-4444-555555555555  NV[+]BS[+]RT  9 bytes' "the variable in the file"
same "$work/before" "$work/after" "variables in flash and in the file"

# The same variables in another machine: its first boot knows the variable already.
[ "$(stat -c %s "$work/vars.fd")" = 540672 ] || fail "the variables' size"
code=$(find "$GUESTS/root" -name OVMF_CODE_4M.fd | head -n 1)
record third --pflash "$code" --pflash "$work/vars.fd"
"$BOOTREEL" events --class firmware "$work/third.reel" >"$work/events"
holds <(grep -m 1 'VariableName "Hello"' "$work/events") "GetVariable\\($hello\\) = EFI_(SUCCESS|BUFFER_TOO_SMALL)" "the variable, in another machine"

# Flash that cannot be written any more: this firmware does not look at its status, so the variable is lost at the reset. A seed decides nothing.
at=$("$BOOTREEL" events --class firmware "$work/first.reel" | awk '/GetVariable.*"Hello".*NOT_FOUND|SetVariable.*"Hello"/ { gsub(",", "", $2); print $2 - 300000; exit }')
for run in "" --no-compile; do
    expect 0 "worn$run" "$BOOTREEL" record --disk "$work/disk.img" --bios ovmf --until 60G -q $run --vary "errors=nvram,count=1000,from=$at" -o "$work/worn$run.reel"
done
same "$work/worn.reel" "$work/worn--no-compile.reel" "errors=nvram: compiled or interpreted"
expect 0 worn-verify "$BOOTREEL" replay --verify --seeks --console=none "$work/worn.reel"
"$BOOTREEL" events --class firmware "$work/worn.reel" >"$work/events"
holds "$work/events" 'firmware.flash-error programming pflash1 fails at 0x' "what failed"
holds "$work/events" "SetVariable\\($hello, Attributes 0x7, DataSize 9\\) = EFI_SUCCESS" "a firmware that does not look"
holds <(grep 'VariableName "Hello"' "$work/events" | tail -1) "GetVariable\\($hello\\) = EFI_NOT_FOUND" "the variable is lost"
expect 2 unflash "$BOOTREEL" record -q --vary errors=nvram -o "$work/bad.reel"
holds "$work/unflash.err" 'errors=nvram: the machine has no flash that can be written' "a machine without flash"

# Bad images.
: >"$work/empty"
head -c 4097 "$work/vars.fd" >"$work/odd"
head -c 999424 "$code" >"$work/cut"
for bad in empty odd nothing; do
    expect 2 "bad-$bad" "$BOOTREEL" record --pflash "$code" --pflash "$work/$bad" -o "$work/bad.reel"
    [ "$(wc -l <"$work/bad-$bad.err")" = 1 ] || fail "$bad: not one line"
    holds "$work/bad-$bad.err" "$bad" "$bad: its name"
done
expect 2 both "$BOOTREEL" record --bios ovmf --pflash "$code" -o "$work/bad.reel"
expect 2 three "$BOOTREEL" record --pflash "$code" --pflash "$code" --pflash "$code" -o "$work/bad.reel"
expect 2 none "$BOOTREEL" record --save-vars "$work/x" --disk "$work/disk.img" -o "$work/bad.reel"
# Without its end there is no reset vector where it should be: the machine runs, and does not get far.
expect 1 cut "$BOOTREEL" record --pflash "$work/cut" --until 10M -q -o "$work/cut.reel"
finish
