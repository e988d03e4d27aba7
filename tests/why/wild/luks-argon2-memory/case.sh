# A LUKS2 disk was formatted on a large machine: its key derivation wants 1 GiB of memory, and this machine has 256 MiB.
build() {
    package cryptsetup-bin libcryptsetup12 libdevmapper1.02.1 libargon2-1 libjson-c5 libssl3 libblkid1 libuuid1 libudev1 libselinux1 libpcre2-8-0 libpopt0 || return
    truncate -s 24M luks.img
    printf secret >key
    LD_LIBRARY_PATH=$packaged/lib/x86_64-linux-gnu:$packaged/usr/lib/x86_64-linux-gnu \
        "$packaged/sbin/cryptsetup" -q luksFormat --type luks2 --pbkdf argon2id --pbkdf-memory 1048576 --pbkdf-parallel 1 --pbkdf-force-iterations 4 luks.img key || return
    modules virtio_pci virtio_blk dm_mod dm_crypt algif_skcipher algif_hash xts aes_generic sha256_generic
    initramfs i.gz 'programs sbin/cryptsetup; cp ../key .; cp -r ../mod .; mkdir -p run' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
n=0
while [ \$n -lt 3 ]; do
    if cryptsetup --key-file /key open /dev/vda vda_crypt; then
        echo "cryptsetup: vda_crypt set up successfully"
        break
    fi
    echo "cryptsetup: ERROR: vda_crypt: cryptsetup failed, bad password or options?"
    n=\$((n + 1))
done
mount /dev/mapper/vda_crypt /root && exec switch_root /root /sbin/init
echo "cryptsetup: ERROR: vda_crypt: maximum number of tries exceeded"
sleep 60
reboot -f
I
}
BR=(--memory 256M --kernel "$GUESTS/vmlinuz" --initrd i.gz --disk luks.img,interface=virtio --append "console=ttyS0 root=/dev/mapper/vda_crypt" --until 40s)
QE=(-m 256M -kernel "$GUESTS/vmlinuz" -initrd i.gz -drive file=luks.img,format=raw,if=virtio -append console=ttyS0)
