# The root is in the volume group vg01, and the kernel has no driver for the disk that has it.
build() {
    package lvm2 libdevmapper1.02.1 libdevmapper-event1.02.1 libaio1 libblkid1 libuuid1 libudev1 libselinux1 libpcre2-8-0 libedit2 libtinfo6 libsystemd0 || return
    truncate -s 16M disk.img
    initramfs i.gz 'programs sbin/lvm' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /run /tmp /etc/lvm
root=/dev/mapper/vg01-root
n=0
while [ ! -e $root ] && [ $n -lt 2 ]; do
    lvm vgchange -aay --ignoremonitoring vg01
    [ -e $root ] || echo "  Cannot process volume group vg01"
    n=$((n + 1))
    sleep 1
done
if [ ! -e $root ]; then
    echo "Gave up waiting for root file system device."
    echo "ALERT!  $root does not exist.  Dropping to a shell!"
    exec sh
fi
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=/dev/mapper/vg01-root" --disk disk.img,interface=nvme --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=/dev/mapper/vg01-root")
