# /etc/crypttab names a LUKS partition by a UUID that is not there any more; the system waits for it, and goes on without.
build() {
    [ -e "$GUESTS/systemd/disk.img" ] || { LACK="no group systemd"; return 1; }
    printf 'cryptdata UUID=97eb312e-876a-4529-a3e7-81ee27073218 none luks,x-systemd.device-timeout=6s\n' >crypttab
    debian_disk disk.img crypttab /etc/crypttab
}
BR=(--memory 512M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk disk.img --append "console=ttyS0 quiet systemd.show_status=1 root=/dev/sda" --until 30s)
QE=(-m 512M -kernel "$GUESTS/vmlinuz" -initrd "$GUESTS/systemd/initrd.gz" -drive file=disk.img,format=raw -append "${BR[9]}")
