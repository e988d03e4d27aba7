# dom0_mem gives domain 0 so little memory that its kernel cannot unpack the initramfs.
build() {
    [ -e "$GUESTS/xen/xen.gz" ] || { LACK="no group xen"; return 1; }
    initramfs i.gz 'head -c 40M /dev/urandom >ballast' <<'I'
#!/bin/sh
echo "dom0: up"
exec sh
I
}
BR=(--memory 512M --kernel "$GUESTS/xen/xen.gz" --append "com1=115200,8n1 console=com1 noreboot dom0_mem=112M,max:112M" --module "$GUESTS/vmlinuz console=hvc0" --module i.gz --until 25s)
QE=(-kernel "$GUESTS/xen/xen.gz")
