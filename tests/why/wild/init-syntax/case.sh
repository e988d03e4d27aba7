# /init is a shell script with an `if` that is not closed.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
if [ -e /etc/rc ]; then
    echo "init: running /etc/rc"
echo "init: done"
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 30s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
