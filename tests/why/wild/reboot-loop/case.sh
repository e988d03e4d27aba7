# Each boot ends in a restart that init asks for: a health check of its own fails.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "appliance: starting"
if [ ! -e /data/config ]; then
    echo "appliance: health check failed: no /data/config, restarting"
    reboot -f
fi
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 quiet" --until 6000M)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 quiet")
