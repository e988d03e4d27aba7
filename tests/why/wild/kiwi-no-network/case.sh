# A network boot's initrd has no driver for the network card: it says so, and goes to a reboot in two minutes.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs none /dev
echo "Loading KIWI PXE Boot-System..."
for d in /sys/class/net/*; do
    [ "${d##*/}" = lo ] || nic=${d##*/}
done
if [ -z "$nic" ]; then
    echo "No network interfaces found"
    echo "rebootException: reboot in 120 sec..."
    sleep 120
    reboot -f
fi
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --nic e1000 --until 25s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
