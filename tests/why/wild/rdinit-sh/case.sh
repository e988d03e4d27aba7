# HEALTHY: somebody has asked for a shell in place of the initramfs's init.
build() { initramfs i.gz </dev/null; }
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 rdinit=/bin/sh" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 rdinit=/bin/sh")
