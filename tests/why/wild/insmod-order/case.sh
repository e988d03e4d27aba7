# The initramfs loads the disk's driver by insmod, without the modules that it depends on.
build() {
    mkdir -p d/sbin && mke2fs -q -t ext4 -d d root.img 16M
    modules virtio_pci virtio_blk ext4 crc32c_generic
    initramfs i.gz 'cp -r ../mod .' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
for m in virtio_pci virtio_blk ext4; do insmod /mod/$m.ko; done
echo "init: mounting the root file system"
if ! mount -t ext4 -o ro /dev/vda /root; then
    echo "init: no root, starting a shell"
    exec sh
fi
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda" --until 15s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 root=/dev/vda")
