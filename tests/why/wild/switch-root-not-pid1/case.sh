# An init runs switch_root in a child, in which it cannot work: it prints how it is used.
build() {
    initramfs i.gz 'mkdir -p sysroot' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mount -t tmpfs none /sysroot
mkdir -p /sysroot/sbin
cp /bin/busybox /sysroot/sbin/init
echo "switching to the new root"
{ switch_root /sysroot /sbin/init; }&
wait $!
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 20s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
