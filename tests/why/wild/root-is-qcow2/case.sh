# The disk's image was made as qcow2 and is given as raw.
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
    printf 'QFI\373\000\000\000\003' >disk.img && truncate -s 4M disk.img
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --append "console=ttyS0 root=/dev/vda quiet" --disk disk.img,interface=virtio --until 30s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 root=/dev/vda quiet" -drive file=disk.img,format=raw,if=virtio)
