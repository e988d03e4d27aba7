# A driver writes through a null pointer in its init function. Only insmod is killed; the script goes on, and starts a shell.
build() {
    module nvlog <<'S'
init_module: pushq %rbx
        call nvlog_init
        popq %rbx
        ret
nvlog_init: movq logger, %rbx
        movl $1, 0xfa8(%rbx)
        xorl %eax, %eax
        ret
        .data
        .balign 8
logger: .quad 0
S
    initramfs i.gz 'cp ../nvlog.ko .' <<'I'
#!/bin/sh
mount -t proc proc /proc
echo "loading drivers"
insmod /nvlog.ko
echo "starting the shell"
exec sh
I
}
BR=(--kernel "$GUESTS/vmlinuz" --initrd i.gz --append "console=ttyS0 quiet" --until 12s)
QE=(-kernel "$GUESTS/vmlinuz" -initrd i.gz -append "console=ttyS0 quiet")
