# A script of the init finds no devtmpfs, which udev needs, says so and halts the machine.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "INIT: version 2.88 booting"
echo "Starting udev"
if ! mount -t devtmpfs2 dev /dev 2>/dev/null; then
    echo "Missing devtmpfs, which is required for udev to run"
    echo "Halting..."
    halt -f
fi
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
