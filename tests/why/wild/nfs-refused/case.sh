# A diskless client retries to mount its root by NFS, and nobody serves NFS at that address.
build() {
    package klibc-utils libklibc || return
    modules virtio_pci virtio_net nfs nfsv3
    initramfs i.gz 'cp -r ../mod .; cp "$packaged/usr/lib/klibc/bin/nfsmount" bin/; mkdir -p lib; cp "$packaged/lib/"klibc-*.so lib/' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
ip route add default via 10.0.2.2
sleep 1
retry=0
echo "Begin: Running /scripts/nfs-premount ... done."
while [ \$retry -lt 180 ]; do
    nfsmount -o nolock 10.0.2.2:/srv/client /root && break
    retry=\$((retry + 1))
    echo "Begin: Retrying nfs mount ... done."
    sleep 1
done
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --nic virtio --net user --append "console=ttyS0 root=/dev/nfs nfsroot=10.0.2.2:/srv/client" --until 25s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -nic user,model=virtio -append "console=ttyS0")
