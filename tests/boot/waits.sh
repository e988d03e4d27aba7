#!/bin/bash
# waits.sh - boots at which somebody would have to press a key: where nothing can come from outside, the recording ends by itself and says why.
# It is healthy if a menu waits, and broken if nothing is found to boot; --keep-going goes on. A blank disk, GRUB's menu without a timeout, its
# prompt, and UEFI's shell, by each firmware.
. "$(dirname "$0")/../lib.sh"
need_guests
need_efi
cd "$work" || exit 2
grub=$GUESTS/root/usr/lib/grub

# ends NAME STATUS TEXT OPTION...
ends() {
    expect "$2" "$1" "$BOOTREEL" record "${@:4}" -o "$1.reel"
    holds "$1.out" "^ended: $3" "$1: why it ended"
}
poll='the guest has done nothing but poll for a key or a character for a minute of guest time'
idle='the guest has been idle for ten minutes of guest time'

mkdir -p menu.d/boot/grub prompt.d/boot/grub efi
printf 'menuentry one { halt }\nmenuentry two { reboot }\n' | tee menu.d/boot/grub/grub.cfg >efi/grub.cfg
for d in menu prompt; do
    grub-mkrescue -d "$grub/i386-pc" -o $d.iso $d.d >$d.log 2>&1 || fail "$d: no CD"
done
truncate -s 64M efi.img
mformat -i efi.img -F -N 12345678 :: && mmd -i efi.img ::/EFI ::/EFI/BOOT ::/boot ::/boot/grub && mcopy -i efi.img efi/grub.cfg ::/boot/grub/
grub-mkimage -d "$grub/x86_64-efi" -O x86_64-efi -p /boot/grub -o efi/BOOTX64.EFI fat normal part_gpt part_msdos halt reboot &&
    mcopy -i efi.img efi/BOOTX64.EFI ::/EFI/BOOT/ || fail "no GRUB for UEFI"
truncate -s 1M blank.img

for bios in builtin seabios; do
    ends blank-$bios 1 "$idle|$poll" --bios $bios --disk blank.img
    ends menu-$bios 0 "$poll" --bios $bios --cdrom menu.iso
done
ends prompt 1 "$poll" --cdrom prompt.iso
ends menu-ovmf 0 "$poll|$idle" --bios "$GUESTS/OVMF.fd" --disk efi.img
ends shell-ovmf 1 "$poll|$idle" --bios "$GUESTS/OVMF.fd" --disk blank.img
# Beyond the position at which it would end.
expect 0,1 on "$BOOTREEL" record --keep-going --cdrom menu.iso --until 65s -o on.reel
holds on.out '^ended: stopped where --until said' "--keep-going"
finish
