# U-Boot's extlinux.conf names a kernel that the file system does not have.
build() {
    package u-boot-qemu || return
    uboot_disk uboot.img
    sed -i 's/vmlinuz/vmlinux/' uboot.d/extlinux/extlinux.conf
    rm -f uboot.img
    ext2_partition uboot.img uboot.d
}
BR=(--bios "$packaged/usr/lib/u-boot/qemu-x86_64/u-boot.rom" --memory 512M --disk uboot.img --until 30s)
QE=(-bios "$packaged/usr/lib/u-boot/qemu-x86_64/u-boot.rom" -drive file=uboot.img,format=raw)
