# HEALTHY: an appliance that serves DHCP and prints nothing after its start.
build() {
    modules virtio_pci virtio_net
    initramfs i.gz 'cp -r ../mod .; mkdir -p var/lib/misc; printf "start 192.168.7.20\nend 192.168.7.30\ninterface eth0\n" >etc/udhcpd.conf; ln -sf ../bin/busybox sbin/udhcpd; : >var/lib/misc/udhcpd.leases' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
ip addr add 192.168.7.1/24 dev eth0
ip link set eth0 up
echo "DHCP appliance: serving on eth0"
exec udhcpd -f /etc/udhcpd.conf
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --nic virtio --append "console=ttyS0" --until 20s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -nic user,model=virtio -append console=ttyS0)
