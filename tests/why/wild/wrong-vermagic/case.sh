# The modules in the initramfs are of another version of the kernel: none can be loaded, and there is no disk.
build() {
    mkdir -p d/sbin && mke2fs -q -t ext4 -d d root.img 16M
    modules virtio_pci virtio_blk ext4
    for m in mod/*.ko; do objcopy --strip-debug "$m" && sed -i 's/6\.1\.0-/6.1.9-/g' "$m"; done # without the signature at its end
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
