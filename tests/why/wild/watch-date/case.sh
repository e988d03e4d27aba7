# HEALTHY: a kiosk: init is watch, which shows a command's output every two seconds.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
exec watch -n 2 cat /proc/uptime
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
