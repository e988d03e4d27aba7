# inittab names a terminal that the machine does not have: init starts getty on it again and again, and there is no login anywhere.
build() {
    initramfs i.gz 'printf "::sysinit:/bin/mount -t devtmpfs dev /dev\nttyS5::respawn:/sbin/getty -L 115200 ttyS5 vt100\n" >etc/inittab; ln -sf ../bin/busybox sbin/init; ln -sf ../bin/busybox sbin/getty' <<'I'
#!/bin/sh
exec /sbin/init
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 20s)
QE=(-kernel "$kernel" -initrd i.gz -append console=ttyS0)
