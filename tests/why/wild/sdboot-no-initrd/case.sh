# systemd-boot's entry names a kernel that is there and an initrd that is not.
build() {
    package systemd-boot-efi || return
    printf 'default arch.conf\ntimeout 0\n' >loader.conf
    printf 'title Arch Linux\nlinux /vmlinuz-linux\ninitrd /initramfs-linux.img\noptions console=ttyS0 root=/dev/sda2 rw\n' >arch.conf
    esp disk.img 24M "$packaged/usr/lib/systemd/boot/efi/systemd-bootx64.efi" /EFI/BOOT/BOOTX64.EFI loader.conf /loader/loader.conf \
        arch.conf /loader/entries/arch.conf "$kernel" /vmlinuz-linux
}
BR=(--bios "$OVMF" --disk disk.img --until 40s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
