# A root file system of the host, over virtio's 9P, as virtme does it, without an initrd: Debian's kernel has 9P only as a module.
build() { :; }
BR=(--kernel "$kernel" --append "console=ttyS0 rootfstype=9p root=/dev/root rootflags=trans=virtio,version=9p2000.L ro init=/bin/virtme-init" --until 40s)
QE=(-kernel "$kernel" -append "${BR[3]}")
