# The init of an initramfs was written for another shell: an expansion is one that this one does not have.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "init: reading the command line"
for arg in $(cat /proc/cmdline); do
    name=${arg%%=*}
    eval $name=${arg#*=} 2>/dev/null
done
echo "init: root is ${!root}"
exec switch_root /newroot /sbin/init
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=/dev/vda" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=/dev/vda")
