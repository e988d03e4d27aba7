# The disk's image is what it was downloaded as: a tar file, which was never unpacked.
build() {
    modules virtio_pci virtio_blk ext4 || return
    initramfs i.gz "cp -r ../mod ." <<I
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
$load_modules 2>/dev/null
mount -o ro /dev/vda /root && exec switch_root /root /sbin/init
echo "dropping to a shell"
exec sh
I
    tar -cf disk.img i.gz && truncate -s 4M disk.img
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --append "console=ttyS0 root=/dev/vda quiet" --disk disk.img,interface=virtio --until 30s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 root=/dev/vda quiet" -drive file=disk.img,format=raw,if=virtio)
