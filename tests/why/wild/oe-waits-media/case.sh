# The initramfs of a live image looks for its medium each second, for ever; the medium has no driver here.
build() {
    initramfs i.gz 'mkdir -p run/media' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs none /dev
ROOT_IMAGE=rootfs.img
echo "Waiting for removable media..."
C=0
while true; do
    for i in /run/media/*; do
        if [ -f "$i/$ROOT_IMAGE" ]; then
            found=yes
            break
        fi
    done
    [ "$found" = yes ] && break
    sleep 1
    C=$((C + 1))
done
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 LABEL=boot root=/dev/ram0" --until 25s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 LABEL=boot root=/dev/ram0")
