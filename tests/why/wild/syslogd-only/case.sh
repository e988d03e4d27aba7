# HEALTHY: a container-like system whose only process is a daemon that waits for messages at a socket.
build() {
    initramfs i.gz 'mkdir -p var/log' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "collector: starting"
exec syslogd -n -O /var/log/messages
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
