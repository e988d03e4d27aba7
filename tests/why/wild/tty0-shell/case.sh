# HEALTHY: the console is the screen only; nothing comes to the serial port. A shell waits on tty1.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "Please press Enter to activate this console."
exec sh </dev/tty1 >/dev/tty1 2>&1
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --append "console=tty0 quiet" --until 12s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=tty0 quiet")
