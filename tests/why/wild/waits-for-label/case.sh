# The initramfs waits, without an end, for a disk with the label "rootfs"; the disk has the label "root".
build() {
    mkdir -p d/sbin && mke2fs -q -t ext4 -L root -d d root.img 16M
    modules virtio_pci virtio_blk crc32c_generic ext4
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
echo "Waiting for root device LABEL=rootfs ..."
while ! dev=\$(findfs LABEL=rootfs 2>/dev/null); do
    sleep 1
done
mkdir -p /newroot
mount -o ro "\$dev" /newroot
exec switch_root /newroot /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 quiet root=LABEL=rootfs" --until 40s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=root.img,format=raw,if=virtio -append "${BR[7]}")
