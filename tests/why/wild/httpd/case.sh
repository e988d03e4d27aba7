# HEALTHY: an appliance without a console program: a web server waits for connections.
build() {
    modules virtio_pci virtio_net
    initramfs i.gz 'cp -r ../mod .; mkdir -p www; echo up >www/index.html' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
ip link set lo up
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
echo "appliance: serving /www at port 80"
exec httpd -f -p 80 -h /www
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --nic virtio --net user --append "console=ttyS0" --until 20s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -nic user,model=virtio -append "console=ttyS0")
