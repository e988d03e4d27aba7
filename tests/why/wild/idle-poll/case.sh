# HEALTHY: Linux with idle=poll, two processors, and a shell that waits at its prompt.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "welcome"
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --cpus 2 --append "console=ttyS0 idle=poll quiet" --until 3s)
QE=(-kernel "$kernel" -initrd i.gz -smp 2 -append "console=ttyS0 idle=poll quiet")
