# The initramfs has no driver for the network card: ipconfig finds no devices, and a script reads the file that it did not write (Debian's /init).
build() {
    package klibc-utils libklibc || return
    initramfs i.gz 'cp "$packaged/usr/lib/klibc/bin/ipconfig" bin/; mkdir -p lib run scripts; cp "$packaged/lib/"klibc-*.so lib/' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
echo "Begin: Mounting root file system ... Begin: Running /scripts/nfs-top ... done."
for wait in 1 2 3; do
    ipconfig -t $wait -c dhcp -d all
    if [ -e /run/net-eth0.conf ]; then
        break
    fi
    sleep 1
done
. /run/net-eth0.conf
nfsmount -o nolock "$ROOTSERVER:/srv" /root
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --nic virtio --net user --append "console=ttyS0 ip=dhcp root=/dev/nfs" --until 30s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0")
