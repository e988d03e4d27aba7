# HEALTHY: Linux 5.10 with two processors, one of them computing in the background, and a shell at its prompt.
build() {
    [ -e "$GUESTS"/kernels/5.10*/vmlinuz ] || { LACK="no kernel 5.10"; return 1; }
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
(while :; do :; done) &
PS1='build> ' exec sh
I
}
BR=(--kernel "$(echo "$GUESTS"/kernels/5.10*/vmlinuz)" --initrd i.gz --cpus 2 --append "console=ttyS0" --until 15s)
QE=(-initrd i.gz -smp 2 -append console=ttyS0)
