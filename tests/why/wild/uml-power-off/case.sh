# HEALTHY: user-mode Linux that does its work and switches itself off.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "uml: $(wc -l </proc/cpuinfo) lines"
poweroff -f
I
}
BR=(--uml "$GUESTS/uml/linux.uml" --memory 128M --initrd i.gz --append "con0=fd:0,fd:1 con=null" --until 8s)
