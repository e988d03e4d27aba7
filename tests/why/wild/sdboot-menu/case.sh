# HEALTHY: systemd-boot shows its menu without a limit of time, and waits.
build() {
    package systemd-boot-efi || return
    printf 'timeout menu-force\n' >loader.conf
    printf 'title Debian\nlinux /vmlinuz\noptions console=ttyS0\n' >debian.conf
    esp disk.img 24M "$packaged/usr/lib/systemd/boot/efi/systemd-bootx64.efi" /EFI/BOOT/BOOTX64.EFI loader.conf /loader/loader.conf \
        debian.conf /loader/entries/debian.conf "$kernel" /vmlinuz
}
BR=(--bios "$OVMF" --disk disk.img --until 20s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
