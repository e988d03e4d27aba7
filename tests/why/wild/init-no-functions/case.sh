# An initramfs whose init sources a file of functions that is not in it.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
echo "Loading, please wait..."
mount -t sysfs -o nodev,noexec,nosuid sysfs /sys
mount -t proc -o nodev,noexec,nosuid proc /proc
mount -t devtmpfs udev /dev
. /scripts/functions
log_begin_msg "Mounting root file system"
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=/dev/vda" --until 20s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=/dev/vda")
