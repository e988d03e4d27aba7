# GRUB for UEFI comes from a disk whose folder of modules is that of another platform.
build() {
    mkdir -p m
    grub-mkimage -d "$GUESTS/root/usr/lib/grub/x86_64-efi" -O x86_64-efi -p /boot/grub -o grub.efi fat part_msdos normal 2>/dev/null ||
        return
    grub-mkimage -d "$GUESTS/root/usr/lib/grub/x86_64-efi" -O x86_64-efi -p /boot/grub -o grub.efi fat part_msdos || return
    printf 'set timeout=0\n' >grub.cfg
    esp disk.img 24M grub.efi /EFI/BOOT/BOOTX64.EFI grub.cfg /boot/grub/grub.cfg "$grub_files/normal.mod" /boot/grub/i386-pc/normal.mod
}
BR=(--bios "$OVMF" --disk disk.img --until 20s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
