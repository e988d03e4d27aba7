# The initramfs has ext4 and what it depends on, but not crc32c_generic, which it asks for by name when it mounts.
build() {
    mkdir -p d/sbin && mke2fs -q -t ext4 -d d root.img 16M
    modules virtio_pci virtio_blk ext4
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
$load_modules
mkdir -p /newroot
mount -o ro /dev/vda /newroot || { echo "cannot mount /dev/vda, dropping to a shell"; exec sh; }
exec switch_root /newroot /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda" --until 20s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=root.img,format=raw,if=virtio -append "${BR[7]}")
