# HEALTHY: a rescue system whose init opens a file in an editor on the serial port.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
printf 'root=/dev/sda2\nquiet\n' >/etc/boot.conf
TERM=vt100 exec vi /etc/boot.conf
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append console=ttyS0)
