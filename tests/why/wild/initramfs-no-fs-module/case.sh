# The initramfs has the disk's drivers, and not the root file system's: mount says "No such device", and the script starts a shell.
build() {
    modules virtio_pci virtio_blk
    mkdir -p d/sbin && mke2fs -q -t ext4 -d d root.img 16M
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
echo "init: mounting the root file system"
mkdir -p /newroot
if ! mount -t ext4 -o ro /dev/vda /newroot; then
    echo "init: cannot mount root, starting a shell"
    exec sh
fi
exec switch_root /newroot /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda rootfstype=ext4" --until 30s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=root.img,format=raw,if=virtio -append "${BR[7]}")
