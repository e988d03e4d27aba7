#!/bin/bash
# efi.sh - UEFI firmware (OVMF): its shell starts Debian's kernel as an EFI program, which finds the power management registers where OVMF put
# them, and gets to its power-off.
. "$(dirname "$0")/../lib.sh"
need_efi

expect 0 efi "$BOOTREEL" record --bios "$GUESTS/OVMF.fd" --disk "$GUESTS/efi.img" --until 60G --console -q -o "$work/efi.reel"
holds "$work/efi.out" 'efi: EFI v2\.70 by EDK II' "the kernel's firmware"
holds "$work/efi.out" 'ACPI: PM-Timer IO Port: 0xb008' "the PM timer, where OVMF put it"
! grep -q 'PM-Timer failed' "$work/efi.out" || fail "the PM timer does not count"
holds "$work/efi.out" 'init: powering off' "the guest's end"
expect 0 info "$BOOTREEL" info "$work/efi.reel"
holds "$work/info.out" '^ended +power-off: ACPI' "how it ends"
every_way efi "$work/efi.reel"
finish
