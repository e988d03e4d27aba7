# isolinux.cfg wants the graphical menu gfxboot.c32, which is not on the disc.
build() {
    package syslinux-common isolinux || return
    mkdir -p d/isolinux
    cp "$packaged/usr/lib/ISOLINUX/isolinux.bin" "$packaged/usr/lib/syslinux/modules/bios/ldlinux.c32" d/isolinux/
    printf 'SERIAL 0 115200\nUI gfxboot.c32 bootlogo isolinux.msg\nLABEL linux\n KERNEL /boot/vmlinuz\n' >d/isolinux/isolinux.cfg
    xorriso -as mkisofs -quiet -o cd.iso -b isolinux/isolinux.bin -c isolinux/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table d
}
BR=(--cdrom cd.iso --until 300M)
QE=(-cdrom cd.iso)
