# Xen starts domain 0 without an initrd, and the kernel has no driver for the disk of its own.
build() { [ -e "$GUESTS/xen/xen.gz" ] || { LACK="no group xen"; return 1; }; mke2fs -q -t ext2 root.img 8M; }
BR=(--memory 512M --kernel "$GUESTS/xen/xen.gz" --append "com1=115200,8n1 console=com1 noreboot" --module "$GUESTS/vmlinuz console=hvc0 root=/dev/sda ro" --disk root.img --until 25s)
QE=(-kernel "$GUESTS/xen/xen.gz")
