# An option of a file system is mistyped: realtime for relatime.
build() {
    mkdir -p d/sbin && cp "$GUESTS/root/bin/busybox" d/sbin/init && mke2fs -q -t ext4 -d d root.img 16M
    modules virtio_pci virtio_blk ext4 crc32c_generic
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
$load_modules
echo "init: checking and mounting /sysroot"
if ! mount -t ext4 -o rw,realtime /dev/vda /root; then
    echo "You are in emergency mode."
    exec sh
fi
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda" --until 15s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 root=/dev/vda")
