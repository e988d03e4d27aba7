# HEALTHY: the initramfs asks for the passphrase of the encrypted disk, and waits.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
while :; do
    printf 'Please unlock disk sda3_crypt: '
    stty -echo
    read -r pass
    stty echo
    echo
    [ "$pass" = secret ] && break
    echo "cryptsetup: ERROR: sda3_crypt: cryptsetup failed, bad password or options?"
done
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 quiet" --until 8s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 quiet")
