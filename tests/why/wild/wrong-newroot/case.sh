# What was mounted as the new root has no init: the script looks for it, complains, and becomes a shell.
build() {
    initramfs i.gz 'mkdir -p sysroot' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t tmpfs none /sysroot
mkdir /sysroot/LiveOS
for i in /sbin/init /etc/init /init /bin/sh; do
    [ -x /sysroot$i ] && init=$i && break
done
if [ -z "$init" ]; then
    echo "Cannot find init!"
    echo "Please check to make sure you passed a valid root filesystem!"
    exec sh
fi
exec switch_root /sysroot $init
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=live:CDLABEL=VOID_LIVE" --until 12s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=live:CDLABEL=VOID_LIVE")
