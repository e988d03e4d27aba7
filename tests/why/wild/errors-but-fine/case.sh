# HEALTHY: an init script tries things that fail and do not matter, says so, and comes to its login prompt.
build() {
    initramfs i.gz 'echo root::0:0::/root:/bin/sh >etc/passwd' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "checking for a floppy"
mount -t vfat /dev/fd0 /mnt || echo "error: no floppy, skipping"
echo "loading the sound driver"
modprobe snd_dummy || echo "failed, continuing without sound"
ls /etc/network/interfaces
echo "Error count: 3, Failed: 2 (ignored)"
echo "appliance login: ready"
exec getty -L ttyS0 115200 vt100
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 quiet" --until 8s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 quiet")
