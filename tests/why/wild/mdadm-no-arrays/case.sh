# The root is an array of mdadm, and none is found on the disks.
build() {
    package mdadm libudev1 || return
    modules virtio_pci virtio_blk raid1 ext4 crc32c_generic
    truncate -s 16M a.img b.img
    initramfs i.gz 'cp -r ../mod .; programs sbin/mdadm' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir -p /run/mdadm
$load_modules
echo ":: Activating RAID arrays"
mdadm --assemble --scan
if ! mount -t ext4 -o ro /dev/md0 /root; then
    echo "ERROR: Failed to mount the real root device."
    echo "Bailing out, you are on your own. Good luck."
    exec sh
fi
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --disk a.img,interface=virtio --disk b.img,interface=virtio --append "console=ttyS0 root=/dev/md0" --until 15s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 root=/dev/md0")
