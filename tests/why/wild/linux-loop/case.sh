# HEALTHY: init is a script that prints a line every second, for ever.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
n=0
while :; do
    n=$((n + 1))
    echo "sensor: sample $n"
    sleep 1
done
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 quiet" --until 12s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 quiet")
