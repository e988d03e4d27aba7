# A boot firmware made of Linux wants /boot from the first disk, and the machine has none.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
recovery() {
    echo "!!!!! $*"
    echo "!!!!! Starting recovery shell"
    while true; do setsid sh -c 'exec sh </dev/ttyS0 >/dev/ttyS0 2>&1'; done
}
mkdir -p /boot
if ! mount -o ro /dev/sda1 /boot; then
    recovery "Unable to mount /boot"
fi
kexec -e
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
