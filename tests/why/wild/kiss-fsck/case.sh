# An init checks its file systems; one of them is named by a UUID that the tool cannot open, and an emergency shell is started.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "=> Checking filesystems..."
echo "/dev/sdb3: clean, 12/29048832 files, 1935/116178432 blocks"
if ! fsck -t ext2 /dev/disk/by-uuid/6D3C-9F42; then
    echo "=> Init system encountered an error, starting emergency shell."
    echo "=> When ready, type 'exit' to continue the boot"
    sh -l
fi
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
