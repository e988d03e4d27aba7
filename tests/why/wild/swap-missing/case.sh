# /etc/fstab has a swap partition by UUID that was formatted anew: the system waits a minute and a half for it, and comes up without.
build() {
    [ -e "$GUESTS/systemd/disk.img" ] || { LACK="no group systemd"; return 1; }
    printf '/dev/sda / ext4 defaults 0 1\nUUID=5a5a1111-2222-4333-8444-555566667777 none swap sw 0 0\n' >fstab
    debian_disk disk.img fstab /etc/fstab
}
BR=(--memory 512M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk disk.img --append "console=ttyS0 quiet systemd.show_status=1 root=/dev/sda" --until 120s)
QE=(-m 512M -kernel "$GUESTS/vmlinuz" -initrd "$GUESTS/systemd/initrd.gz" -drive file=disk.img,format=raw -append "${BR[9]}")
