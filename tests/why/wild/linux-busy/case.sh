# HEALTHY: after its start the system computes check sums of zeros, and prints nothing for long.
build() {
    initramfs i.gz 'mknod dev/zero c 1 5 2>/dev/null || true' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "burn-in: sha256 of 10 GB"
dd if=/dev/zero bs=1M count=10000 2>/dev/null | sha256sum
echo "burn-in: passed"
poweroff -f
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 quiet" --until 5s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 quiet")
