# HEALTHY: ISOLINUX with PROMPT 1 and no timeout waits at "boot:".
build() {
    package syslinux-common isolinux || return
    mkdir -p d/isolinux d/boot
    cp "$packaged/usr/lib/ISOLINUX/isolinux.bin" "$packaged/usr/lib/syslinux/modules/bios/ldlinux.c32" d/isolinux/
    cp "$kernel" d/boot/vmlinuz
    printf 'SERIAL 0 115200\nPROMPT 1\nTIMEOUT 0\nDEFAULT linux\nLABEL linux\n KERNEL /boot/vmlinuz\n' >d/isolinux/isolinux.cfg
    xorriso -as mkisofs -quiet -o cd.iso -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table d
}
BR=(--cdrom cd.iso --until 5s)
QE=(-cdrom cd.iso)
