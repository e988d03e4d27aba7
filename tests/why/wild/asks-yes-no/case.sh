# HEALTHY: an installer's script asks a question, with its answers in brackets, and the answer is awaited.
build() {
    initramfs i.gz <<'I'
#!/bin/sh
mount -t proc proc /proc
mount -t devtmpfs dev /dev
echo "This will install the system to /dev/sda. No errors were found on it."
printf "Continue [Y/n] "
read -r answer
echo "got $answer"
exec sh
I
}
BR=(--kernel "$kernel" --initrd i.gz --append "console=ttyS0" --until 15s)
QE=(-kernel "$kernel" -initrd i.gz -append console=ttyS0)
