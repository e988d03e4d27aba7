# The root is on an iSCSI target, at whose address nobody listens: iscsistart tries to connect again and again.
build() {
    package open-iscsi libopeniscsiusr libisns0 libkmod2 libmount1 libblkid1 libselinux1 libpcre2-8-0 libssl3 liblzma5 libzstd1 libsystemd0 libcap2 libgcrypt20 liblz4-1 libgpg-error0 || return
    modules virtio_pci virtio_net iscsi_tcp crc32c_generic
    initramfs i.gz 'cp -r ../mod .; programs sbin/iscsistart; mkdir -p run etc/iscsi' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
sleep 1
echo "Begin: Running /scripts/local-top/iscsi ..."
iscsistart -i iqn.1993-08.org.debian:01:client -t iqn.2024-01.org.example:root -g 1 -a 10.0.2.2 -p 3260
if [ ! -e /dev/sda1 ]; then
    echo "iSCSI: no disk appeared"
fi
sleep 1000
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --nic virtio --net user --append "console=ttyS0 root=/dev/sda1 netroot=iscsi:10.0.2.2::::iqn.2024-01.org.example:root" --until 60s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -nic user,model=virtio -append console=ttyS0)
