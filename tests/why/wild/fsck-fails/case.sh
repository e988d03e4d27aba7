# The second disk, an ext4 file system of /etc/fstab with a check at boot, is so damaged that it cannot be repaired automatically.
build() {
    [ -e "$GUESTS/systemd/disk.img" ] || { LACK="no group systemd"; return 1; }
    mkdir -p d/dir && seq 30000 >d/dir/file
    mke2fs -q -t ext4 -U 0f0e0d0c-0000-4000-8000-112233445566 -d d data.img 16M
    # the root directory's inode, and its block
    debugfs -w -R 'clri <2>' data.img
    tune2fs -E test_fs data.img >/dev/null
    debugfs -w -R 'ssv state 2' data.img
    printf '/dev/sda / ext4 defaults 0 1\nUUID=0f0e0d0c-0000-4000-8000-112233445566 /var/data ext4 defaults 0 2\n' >fstab
    debian_disk disk.img fstab /etc/fstab
}
BR=(--memory 512M --kernel "$GUESTS/vmlinuz" --initrd "$GUESTS/systemd/initrd.gz" --disk disk.img --disk data.img --append "console=ttyS0 quiet systemd.show_status=1 root=/dev/sda" --until 25s)
QE=(-m 512M -kernel "$GUESTS/vmlinuz" -initrd "$GUESTS/systemd/initrd.gz" -drive file=disk.img,format=raw -drive file=data.img,format=raw -append "${BR[11]}")
