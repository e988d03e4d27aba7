# An old kind of initrd (an ext2 image, gzip) with root=/dev/ram0, for a kernel that has no RAM disk built in.
build() {
    mkdir -p d/sbin d/dev && cp "$GUESTS/root/bin/busybox" d/sbin/init
    mke2fs -q -t ext2 -d d image 4M && gzip -n1 image
}
BR=(--kernel "$kernel" --initrd image.gz --append "console=ttyS0 root=/dev/ram0 rw" --until 40s)
QE=(-kernel "$kernel" -initrd image.gz -append "${BR[5]}")
