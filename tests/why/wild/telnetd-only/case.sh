# HEALTHY: a system whose last program is a telnet server in the foreground; it waits in select().
build() {
    initramfs i.gz 'mkdir -p dev/pts' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
ifconfig lo up
echo "telnetd: listening"
exec telnetd -F -l /bin/sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
