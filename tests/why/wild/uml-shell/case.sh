# HEALTHY: user-mode Linux whose init is a shell on the console, at its prompt.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "uml: up"
mknod /dev/console c 5 1 2>/dev/null
exec sh
I
}
BR=(--uml "$GUESTS/uml/linux.uml" --memory 128M --initrd i.gz --append "con0=fd:0,fd:1 con=null" --until 5s)
