# HEALTHY: Xen with a domain 0 whose init is a shell at its prompt.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "dom0: up"
exec sh
I
}
BR=(--memory 512M --kernel "$GUESTS/xen/xen.gz" --append "com1=115200,8n1 console=com1" --module "$GUESTS/vmlinuz console=hvc0" --module i.gz --until 25s)
QE=(-kernel "$GUESTS/xen/xen.gz")
