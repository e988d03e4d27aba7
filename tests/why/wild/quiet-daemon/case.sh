# HEALTHY: an appliance without a console program: init starts a service, says so, and sleeps between its rounds.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "collector: started, rounds every 2 s"
while true; do
    cat /proc/loadavg >/tmp.last
    sleep 2
done
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 quiet" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 quiet")
