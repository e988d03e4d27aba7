# The kernel was updated, and the initramfs still has the modules of the one before: none can be loaded.
build() {
    [ -e "$GUESTS/kernels/newest" ] || { LACK="no group newest"; return 1; }
    modules virtio_pci virtio_blk
    mke2fs -q -t ext2 root.img 8M
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
n=0
while [ ! -e /dev/vda ] && [ \$n -lt 5 ]; do sleep 1; n=\$((n + 1)); done
mount -o ro /dev/vda /root && exec switch_root /root /sbin/init
echo "Kernel panic follows: no root"
exit 1
I
}
BR=(--memory 512M --kernel "$GUESTS/kernels/$(cat "$GUESTS/kernels/newest" 2>/dev/null)/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda" --until 30s)
QE=(-m 512M -initrd i.gz -drive file=root.img,format=raw,if=virtio -append console=ttyS0)
