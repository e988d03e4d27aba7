# The root file system is mounted, and has no /sbin/init: busybox's switch_root ends, and with it the first process.
build() {
    mkdir -p d/bin d/etc d/dev && cp "$GUESTS/root/bin/busybox" d/bin/ && mke2fs -q -t ext2 -d d root.img 8M
    modules virtio_pci virtio_blk crc32c_generic ext4
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
$load_modules
mkdir -p /sysroot
mount -t ext2 -o ro /dev/vda /sysroot
mount --move /dev /sysroot/dev
umount /proc
exec switch_root /sysroot /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda" --until 30s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=root.img,format=raw,if=virtio -append "${BR[7]}")
