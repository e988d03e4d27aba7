# dracut's emergency mode: the root's UUID is that of another disk.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
mkdir -p /run/initramfs
root=/dev/disk/by-uuid/3cc9ba5a-7a5d-4a2b-93f3-1f2e5a3c0001
n=0
while [ ! -e $root ] && [ $n -lt 3 ]; do sleep 1; n=$((n + 1)); done
echo "dracut-initqueue[79]: Warning: dracut-initqueue timeout - starting timeout scripts" >&2
echo 'Warning: Could not boot.' >&2
echo "Warning: $root does not exist" >&2
echo
echo 'Generating "/run/initramfs/rdsosreport.txt"'
echo
echo 'Entering emergency mode. Exit the shell to continue.'
echo 'Type "journalctl" to view system logs.'
PS1='dracut:/# ' exec sh -i
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0 root=UUID=3cc9ba5a-7a5d-4a2b-93f3-1f2e5a3c0001" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0 root=UUID=3cc9ba5a-7a5d-4a2b-93f3-1f2e5a3c0001")
