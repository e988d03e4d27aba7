# The root is a logical volume, and the initramfs was made without the tools of LVM.
build() {
    truncate -s 16M disk.img
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
echo ":: activating volume groups"
vgchange -ay
root=/dev/mapper/laptop-root
echo "Waiting 3 seconds for device $root ..."
n=0
while [ ! -e $root ] && [ $n -lt 3 ]; do sleep 1; n=$((n + 1)); done
[ -e $root ] || echo "ERROR: device '$root' not found. Skipping fsck."
echo ":: mounting '$root' on real root"
if ! mount $root /root; then
    echo "You are now being dropped into an emergency shell."
    exec sh
fi
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=/dev/mapper/laptop-root" --disk disk.img,interface=virtio --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=/dev/mapper/laptop-root")
