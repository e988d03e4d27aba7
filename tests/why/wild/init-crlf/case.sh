# /init was edited on another system: its lines end in CR LF, and the interpreter is "/bin/sh\r".
build() {
    initramfs i.gz 'rm -f sbin/init bin/init linuxrc bin/linuxrc; sed -i "s/\$/\r/" init; mv bin/sh bin/ash2; rm -rf etc' <<'I'
#!/bin/ash2
mount -t proc proc /proc
echo "starting"
exec ash2
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 20s)
QE=(-kernel "$kernel" -initrd i.gz -append "console=ttyS0")
