# cryptsetup is to open the root, and the initramfs has no dm_crypt.
build() {
    package cryptsetup-bin libcryptsetup12 libdevmapper1.02.1 libargon2-1 libjson-c5 libssl3 libblkid1 libuuid1 libudev1 libselinux1 libpcre2-8-0 libpopt0 || return
    head -c 4M /dev/zero >luks.img
    printf secret >key
    LD_LIBRARY_PATH=$packaged/lib/x86_64-linux-gnu:$packaged/usr/lib/x86_64-linux-gnu \
        "$packaged/sbin/cryptsetup" -q luksFormat --type luks1 --pbkdf-force-iterations 1000 luks.img key || return
    initramfs i.gz 'programs sbin/cryptsetup; cp ../luks.img ../key .' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mkdir -p /run/cryptsetup
echo "cryptsetup: unlocking vda-crypt"
if ! cryptsetup --key-file /key open /luks.img vda-crypt; then
    echo "Failed to activate with key file /key"
fi
mount /dev/mapper/vda-crypt /root || exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=/dev/mapper/vda-crypt" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=/dev/mapper/vda-crypt")
