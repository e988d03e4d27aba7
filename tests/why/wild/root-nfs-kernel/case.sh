# root=/dev/nfs without an initramfs, and a kernel that cannot mount it itself (Debian's kernels: NFS is a module).
build() { :; }
BR=(--kernel "$kernel" --nic virtio --append "console=ttyS0 root=/dev/nfs nfsroot=10.0.2.2:/srv/root ip=dhcp" --until 15s)
QE=(-kernel "$kernel" -nic user,model=virtio -append "console=ttyS0 root=/dev/nfs nfsroot=10.0.2.2:/srv/root ip=dhcp")
