#!/bin/bash
# efi-grub.sh - OVMF starts GRUB from a disk with a GUID partition table, and GRUB Debian's kernel, on two processors, to the power-off. The
# memory map that the firmware gave is the one that the kernel prints.
. "$(dirname "$0")/../lib.sh"
need_efi

expect 0 grub "$BOOTREEL" record --bios ovmf --memory 512M --cpus 2 --disk "$GUESTS/efi/gpt.img" --until 60G --console -q -o "$work/grub.reel"
holds "$work/grub.out" 'init: powering off' "the guest's end"
"$BOOTREEL" info "$work/grub.reel" >"$work/info"
holds "$work/info" '^ended +power-off: ACPI' "how it ends"
"$BOOTREEL" stages --depth 4 --all "$work/grub.reel" >"$work/stages"
for s in bios.bds loader loader.BOOTX64.EFI kernel kernel.SetVirtualAddressMap user; do
    holds "$work/stages" "  $s( |$)" "a stage"
done

"$BOOTREEL" events --class firmware "$work/grub.reel" >"$work/events"
holds "$work/events" 'BOOTX64.EFI: ExitBootServices\(.*\) = EFI_SUCCESS' "the end of boot services"
holds "$work/events" 'SetVirtualAddressMap\(.*\) = EFI_SUCCESS' "virtual addresses"
sed -n 's/.*efi: mem.*range=\[0x\([0-9a-f]*\)-0x\([0-9a-f]*\)\].*/\1 \2/p' "$work/grub.out" | sort -u >"$work/printed"
sed -n 's/.*efi.memory-map *0x\([0-9a-f]*\), \([0-9]*\) pages.*/\1 \2/p' "$work/events" | while read -r at pages; do
    printf '%016x %016x\n' $((0x$at)) $((0x$at + pages * 4096 - 1))
done | sort -u >"$work/told"
[ -s "$work/told" ] || fail "no memory map"
comm -23 "$work/told" "$work/printed" >"$work/unknown"
[ ! -s "$work/unknown" ] || fail "in the firmware's memory map, not in the kernel's: $(head -n 3 "$work/unknown" | tr '\n' ',')"
finish
