# Debian 13's initrd was cut off when the partition was full.
build() {
    [ -e "$GUESTS/systemd/trixie/initrd.gz" ] || { LACK="no group systemd-trixie"; return 1; }
    head -c $(($(stat -c %s "$GUESTS/systemd/trixie/initrd.gz") * 3 / 4)) "$GUESTS/systemd/trixie/initrd.gz" >initrd.img
    mke2fs -q -t ext2 root.img 8M
}
BR=(--memory 512M --kernel "$GUESTS/systemd/trixie/vmlinuz" --initrd initrd.img --disk root.img --append "console=ttyS0 root=/dev/sda1 ro quiet" --until 30s)
QE=(-m 512M -kernel "$GUESTS/systemd/trixie/vmlinuz" -initrd initrd.img -drive file=root.img,format=raw -append "console=ttyS0 root=/dev/sda1 ro quiet")
