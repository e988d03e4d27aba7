# shim's second stage, grubx64.efi, is no program: a download page in HTML was saved under its name.
build() {
    package shim-unsigned || return
    { printf '<!DOCTYPE html>\n<html><body><h1>404 Not Found</h1></body></html>\n'; seq 3000; } >grub.html
    esp disk.img 24M "$packaged/usr/lib/shim/shimx64.efi" /EFI/BOOT/BOOTX64.EFI grub.html /EFI/BOOT/grubx64.efi
}
BR=(--bios "$OVMF" --disk disk.img --until 40s)
QE=(-bios "$OVMF" -drive file=disk.img,format=raw -net none)
