# Linux 5.10 without an initrd for a root whose file system it has no driver for.
build() {
    [ -e "$GUESTS"/kernels/5.10*/vmlinuz ] || { LACK="no kernel 5.10"; return 1; }
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
dd if=/dev/zero of=/fs.img bs=1k count=1024 2>/dev/null
mke2fs -F /fs.img >/dev/null 2>&1
losetup /dev/loop0 /fs.img
mount -t xfs /dev/loop0 /root
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$(echo "$GUESTS"/kernels/5.10*/vmlinuz)" --initrd i.gz --append "console=ttyS0 root=/dev/loop0 rootfstype=xfs" --until 20s)
QE=(-initrd i.gz -append console=ttyS0)
