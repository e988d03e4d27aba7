# An initramfs puts an overlay over the root file system, and the kernel has no module for it.
build() {
    mkdir -p d/sbin d/sys d/proc d/dev && cp "$GUESTS/root/bin/busybox" d/sbin/init && mke2fs -q -t ext4 -d d root.img 16M
    modules virtio_pci virtio_blk ext4 crc32c_generic
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
PATH=/sbin:/bin
mount -t proc proc /proc
mount -t devtmpfs none /dev
mount -t sysfs sysfs /sys
$load_modules
mkdir -p /mnt/lower /mnt/upper /mnt/overlay
mount -t ext4 -o ro /dev/vda /mnt/lower
mount -t tmpfs none /mnt/upper
mkdir /mnt/upper/up /mnt/upper/work
mount -t overlay overlay -o lowerdir=/mnt/lower,upperdir=/mnt/upper/up,workdir=/mnt/upper/work /mnt/overlay
mount --move /sys /mnt/overlay/sys
mount --move /proc /mnt/overlay/proc
mount --move /dev /mnt/overlay/dev
exec switch_root /mnt/overlay /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk root.img,interface=virtio --append "console=ttyS0 root=/dev/vda" --until 20s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=root.img,format=raw,if=virtio -append "${BR[7]}")
