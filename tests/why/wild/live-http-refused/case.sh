# A live system's initramfs fetches its squashfs by HTTP, and the server's port is closed; after three tries it gives up and waits for somebody.
build() {
    modules virtio_pci virtio_net
    initramfs i.gz 'cp -r ../mod .' <<I
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
$load_modules
ip addr add 10.0.2.15/24 dev eth0
ip link set eth0 up
sleep 1
for try in 1 2 3; do
    echo "Fetching http://10.0.2.2:8000/live/filesystem.squashfs"
    wget -O /live.squashfs http://10.0.2.2:8000/live/filesystem.squashfs && break
    sleep 2
done
mount -o loop /live.squashfs /root
exec switch_root /root /sbin/init
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --nic virtio --append "console=ttyS0 boot=live fetch=http://10.0.2.2:8000/live/filesystem.squashfs" --until 30s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -nic user,model=virtio -append console=ttyS0)
