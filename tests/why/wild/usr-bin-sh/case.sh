# The initramfs has /bin/sh, and its /init names /usr/bin/sh; busybox's init runs in its place.
build() {
    initramfs i.gz 'ln -sf ../bin/busybox sbin/init' <<'I'
#!/usr/bin/sh
mount -t proc proc /proc
echo "squash: loading the image"
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 12s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
