# A unified kernel image without a command line and without an initrd (systemd's stub and a kernel): Linux has no root.
build() {
    package systemd-boot-efi || return
    printf 'ID=test\nPRETTY_NAME="Test"\n' >os-release
    objcopy --add-section .osrel=os-release --change-section-vma .osrel=0x20000 --add-section .linux="$kernel" --change-section-vma .linux=0x2000000 \
        "$packaged/usr/lib/systemd/boot/efi/linuxx64.efi.stub" uki.efi && esp disk.img 24M uki.efi /EFI/BOOT/BOOTX64.EFI
}
BR=(--bios "$OVMF" --disk disk.img --until 60s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
