# HEALTHY: a licence is shown with a pager, which waits at "--More--".
build() {
    initramfs i.gz 'seq -f "Article %g of the licence: nothing is missing, nothing failed." 1 60 >licence' <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
setsid cttyhack more /licence
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append console=ttyS0)
