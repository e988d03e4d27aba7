# HEALTHY: an appliance that prints a line each five seconds.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
n=0
while true; do
    echo "heartbeat $n"
    n=$((n + 1))
    sleep 5
done
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 28s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
