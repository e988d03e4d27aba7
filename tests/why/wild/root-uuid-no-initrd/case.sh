# root=UUID= on the command line, and no initrd: only an initramfs can look for the UUID of a file system.
build() { mke2fs -q -t ext2 -U 3cc9ba5a-7a5d-4a2b-93f3-1f2e5a3c0001 root.img 8M; }
BR=(--kernel "$kernel" --disk root.img,interface=virtio --append "console=ttyS0 root=UUID=3cc9ba5a-7a5d-4a2b-93f3-1f2e5a3c0001 ro" --until 15s)
QE=(-kernel "$kernel" -drive file=root.img,format=raw,if=virtio -append "console=ttyS0 root=UUID=3cc9ba5a-7a5d-4a2b-93f3-1f2e5a3c0001 ro")
