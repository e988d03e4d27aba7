# User-mode Linux with the device's name mistyped: udba and udb0 instead of ubda and ubd0.
build() {
    mkdir -p root/sbin
    cp "$GUESTS/root/bin/busybox" root/sbin/init
    mke2fs -q -t ext2 -d root rootfs 16m
}
BR=(--uml "$GUESTS/uml/linux.uml" --memory 128M --append "mem=128M root=/dev/udba udb0=rootfs" --until 30s)
