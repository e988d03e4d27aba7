# /init of the initramfs has lost its x bit.
build() {
    initramfs i.gz 'chmod 644 init; rm -f sbin/init bin/sh bin/init' <<'I'
#!/bin/ash
mount -t proc proc /proc
exec ash
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 20s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
