# Debian 13: /sbin/init was removed with its package; the initramfs finds none on the root.
build() {
    [ -e "$GUESTS/systemd/trixie/disk.img" ] || { LACK="no group systemd-trixie"; return 1; }
    cp --sparse=always "$GUESTS/systemd/trixie/disk.img" disk.img
    printf 'rm /usr/sbin/init\nrm /usr/bin/init\nrm /usr/bin/sh\nrm /usr/bin/dash\nrm /usr/lib/systemd/systemd\n' | debugfs -w -f - disk.img >/dev/null 2>&1
}
BR=(--memory 512M --kernel "$GUESTS/systemd/trixie/vmlinuz" --initrd "$GUESTS/systemd/trixie/initrd.gz" --disk disk.img --append "console=ttyS0 root=/dev/sda" --until 60s)
QE=(-m 512M -kernel "$GUESTS/systemd/trixie/vmlinuz" -initrd "$GUESTS/systemd/trixie/initrd.gz" -drive file=disk.img,format=raw -append "console=ttyS0 root=/dev/sda")
