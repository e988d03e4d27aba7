# The root of the initramfs has no /proc and no /sys; its init script ends at the first command that fails.
build() {
    initramfs i.gz 'rm -rf proc sys dev' <<'I'
#!/bin/sh
set -e
echo "pre-init started, pid=1"
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
